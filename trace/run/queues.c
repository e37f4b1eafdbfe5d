/* trace/run/queues.c: who waits in front of each listener, as the kernel counts it. A program that is busy elsewhere does not
 * call accept, so from inside nobody can tell.
 */
#include "run.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LISTENERS = 64, TCP_LISTEN_STATE = 0x0A };

struct listener {
	unsigned long inode;
	unsigned queued;
	int fd; /* -1: not known yet */
};

static struct listener last[LISTENERS];
static int nlast;

/* The listening sockets of one table. */
static int
read_table(pid_t pid, const char *table, struct listener *out, int count)
{
	char name[64], line[512];
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/net/%s", (int)pid, table);
	f = fopen(name, "re");
	if (f == NULL)
		return count;
	while (count < LISTENERS && fgets(line, sizeof line, f) != NULL) {
		unsigned state, rx;
		unsigned long inode;

		if (sscanf(line, " %*d: %*[^ ] %*[^ ] %x %*x:%x %*x:%*x %*x %*u %*d %lu", &state, &rx, &inode) == 3 &&
		    state == TCP_LISTEN_STATE)
			out[count++] = (struct listener){inode, rx, -1};
	}
	fclose(f);
	return count;
}

/* Which of the program's descriptors each one is. */
static void
find_descriptors(pid_t pid, struct listener *list, int count)
{
	char name[64], target[64];
	DIR *dir;

	snprintf(name, sizeof name, "/proc/%d/fd", (int)pid);
	dir = opendir(name);
	if (dir == NULL)
		return;
	for (struct dirent *d; (d = readdir(dir)) != NULL;) {
		ssize_t n = readlinkat(dirfd(dir), d->d_name, target, sizeof target - 1);
		unsigned long inode;

		target[n > 0 ? n : 0] = '\0';
		if (sscanf(target, "socket:[%lu]", &inode) != 1)
			continue;
		for (int i = 0; i < count; i++)
			if (list[i].inode == inode && list[i].fd < 0)
				list[i].fd = atoi(d->d_name);
	}
	closedir(dir);
}

static const struct listener *
known(unsigned long inode)
{
	for (int i = 0; i < nlast; i++)
		if (last[i].inode == inode)
			return &last[i];
	return NULL;
}

void
sample_queues(struct space *s, pid_t pid)
{
	struct listener list[LISTENERS];
	int count = read_table(pid, "tcp6", list, read_table(pid, "tcp", list, 0));
	bool changed = false;

	for (int i = 0; i < count; i++) {
		const struct listener *before = known(list[i].inode);

		list[i].fd = before != NULL ? before->fd : -1;
		changed |= list[i].queued != (before != NULL ? before->queued : 0);
	}
	if (changed)
		find_descriptors(pid, list, count);
	for (int i = 0; changed && i < count; i++) {
		const struct listener *before = known(list[i].inode);

		if (list[i].fd >= 0 && list[i].queued != (before != NULL ? before->queued : 0))
			put_event(s, FDT_CALL_queue, list[i].fd, pid, list[i].queued);
	}
	memcpy(last, list, sizeof last);
	nlast = count;
}
