/* trace/run/queues.c: who waits in front of each listener, as the kernel counts it. A program that is busy elsewhere does not
 * call accept, so from inside nobody can tell.
 */
#include "run.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { LISTENERS = 64, TCP_LISTEN_STATE = 0x0A };

struct listener {
	unsigned long inode;
	unsigned queued; /* at the last look */
	unsigned said;   /* in the capture */
	bool steady;     /* two looks agree on a count that is not yet said */
	int fd;          /* -1: not known yet */
};

static struct listener last[LISTENERS];
static int nlast;

/* The listening sockets of one table. They stand before all others there (Linux, net/ipv4/tcp_ipv4.c: tcp_seq_start), and what is
 * not read is not written out by the kernel, so that a thousand connections behind them cost nothing.
 */
static int
read_table(pid_t pid, const char *table, struct listener *out, int count)
{
	char name[64], line[512];
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/net/%s", (int)pid, table);
	f = fopen(name, "re");
	if (f == NULL)
		return count;
	bool listens = fgets(line, sizeof line, f) != NULL; /* the heading */

	while (listens && count < LISTENERS && fgets(line, sizeof line, f) != NULL) {
		unsigned state, rx;
		unsigned long inode;

		listens = sscanf(line, " %*d: %*[^ ] %*[^ ] %x %*x:%x %*x:%*x %*x %*u %*d %lu", &state, &rx, &inode) == 3 &&
			state == TCP_LISTEN_STATE;
		if (listens)
			out[count++] = (struct listener){inode, rx, 0, false, -1};
	}
	fclose(f);
	return count;
}

/* Whether there is any socket in the table of IPv6: most programs have none, and to walk an empty table takes as long. */
static bool
has_tcp6(pid_t pid)
{
	char name[64];
	unsigned in_use = 0;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/net/sockstat6", (int)pid);
	f = fopen(name, "re");
	if (f == NULL)
		return false; /* no IPv6 here */
	if (fscanf(f, "TCP6: inuse %u", &in_use) != 1)
		in_use = 1;
	fclose(f);
	return in_use > 0;
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

static int64_t
now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* A count is told when two looks in a row agree: a connection that the program is about to take does not wait. Who writes a note
 * has seen the program at rest: then one look is enough. */
void
sample_queues(struct space *s, pid_t pid, bool at_rest)
{
	static int64_t next; /* on a machine with many connections the table is long: a tenth of the time is spent on it at most */
	struct listener list[LISTENERS];
	int64_t start = now_us();
	bool news = false;

	if (start < next && !at_rest)
		return;
	int count = read_table(pid, "tcp", list, 0);

	if (has_tcp6(pid))
		count = read_table(pid, "tcp6", list, count);

	for (int i = 0; i < count; i++) {
		const struct listener *before = known(list[i].inode);

		if (before == NULL)
			continue;
		list[i].fd = before->fd;
		list[i].said = before->said;
		list[i].steady = (at_rest || list[i].queued == before->queued) && list[i].queued != list[i].said;
		news |= list[i].steady;
	}
	if (news)
		find_descriptors(pid, list, count);
	for (int i = 0; i < count; i++)
		if (list[i].steady && list[i].fd >= 0) {
			put_event(s, FDT_CALL_queue, list[i].fd, pid, list[i].queued);
			list[i].said = list[i].queued;
		}
	memcpy(last, list, sizeof last);
	nlast = count;
	next = start + 10 * (now_us() - start);
}
