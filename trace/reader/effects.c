/* trace/reader/effects.c: what each event does to the tables. A new shape of call (calls.tab) needs a case here if it makes,
 * ends, copies or names a descriptor.
 */
#include "reader/model_own.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum {
	DUPFD_CLOEXEC = 1030,  /* F_DUPFD_CLOEXEC */
	RANGE_CLOEXEC = 4,     /* CLOSE_RANGE_CLOEXEC */
	IOCTL_CLEX = 0x5451,   /* FIOCLEX */
	IOCTL_NCLEX = 0x5450,  /* FIONCLEX */
	NUMBERS_LISTED = 1024, /* start and resync list the descriptors below this */
	RACE_NS = 1000,        /* what another core did so shortly before, by its own clock, may or may not be in such a list */
};

/* The flags that the call was given for its new descriptor, if its table line names some. */
static int64_t
flags_of(const struct event *ev)
{
	for (int i = 0; i < ev->info->nkept; i++)
		if (strcmp(ev->info->kept[i].how, "open") == 0 || strcmp(ev->info->kept[i].how, "sock") == 0)
			return ev->args[i];
	return 0;
}

static struct birth
made(enum kind kind, const struct event *ev)
{
	int64_t flags = flags_of(ev);

	/* SOCK_, EFD_, IN_ and O_ flags of these names are the same numbers in Linux. */
	return (struct birth){.kind = kind,
		.origin = BORN_MADE,
		.cloexec = (flags & O_CLOEXEC) != 0,
		.nonblock = (flags & O_NONBLOCK) != 0};
}

static enum kind
socket_kind(int64_t domain, int64_t type)
{
	type &= 0xf;
	if (domain == AF_UNIX)
		return KIND_UNIX;
	if (domain != AF_INET && domain != AF_INET6)
		return KIND_SOCKET;
	return type == SOCK_STREAM ? KIND_TCP : type == SOCK_DGRAM ? KIND_UDP : KIND_SOCKET;
}

static bool
starts_with(struct bytes text, const char *with)
{
	return text.size >= strlen(with) && memcmp(text.at, with, strlen(with)) == 0;
}

static enum kind
path_kind(struct bytes path, int64_t flags)
{
	if (starts_with(path, "/dev/pts/") || starts_with(path, "/dev/tty") || starts_with(path, "/dev/ptmx"))
		return KIND_TTY;
	return (flags & O_DIRECTORY) != 0 ? KIND_DIR : KIND_FILE;
}

static enum kind
make_kind(const struct event *ev)
{
	switch (ev->call) {
	case FDT_CALL_epoll_create:
	case FDT_CALL_epoll_create1: return KIND_EPOLL;
	case FDT_CALL_eventfd: return KIND_EVENTFD;
	case FDT_CALL_timerfd_create: return KIND_TIMERFD;
	case FDT_CALL_signalfd: return KIND_SIGNALFD;
	case FDT_CALL_inotify_init:
	case FDT_CALL_inotify_init1: return KIND_INOTIFY;
	case FDT_CALL_memfd_create: return KIND_MEMFD;
	case FDT_CALL_pidfd_spawn:
	case FDT_CALL_pidfd_spawnp:
	case FDT_CALL_pidfd_open: return KIND_PIDFD;
	case FDT_CALL_posix_openpt:
	case FDT_CALL_getpt: return KIND_TTY;
	case FDT_CALL_rresvport:
	case FDT_CALL_rresvport_af: return KIND_TCP;
	case FDT_CALL_popen: return KIND_PIPE;
	case FDT_CALL_tmpfile: return KIND_FILE;
	default:
		return ev->info->shape == SHAPE_open || ev->info->shape == SHAPE_fopen ||
				       ev->info->shape == SHAPE_freopen
			       ? path_kind(event_item(ev, FDT_ITEM_PATH), flags_of(ev))
		       : ev->info->shape == SHAPE_opendir ? KIND_DIR
							  : KIND_OTHER;
	}
}

/* ---- births ---- */

static void
one_made(struct model *m, struct process *p, const struct event *ev)
{
	struct birth birth = made(make_kind(ev), ev);
	struct bytes path = event_item(ev, FDT_ITEM_PATH);

	if (path.at != NULL)
		birth.path = intern(m, path);
	if (ev->info->shape == SHAPE_socket)
		birth.kind = socket_kind(ev->args[0], ev->args[1]);
	if (birth.kind == KIND_PIDFD)
		birth.cloexec = true; /* pidfd_open(2) */
	life_begin(m, p, ev->ret, &birth, ev);
}

static void
pair_made(struct model *m, struct process *p, const struct event *ev)
{
	enum kind kind = ev->info->shape == SHAPE_openpty  ? KIND_TTY
			 : ev->call == FDT_CALL_socketpair ? KIND_UNIX
							   : KIND_PIPE;
	struct birth birth = made(kind, ev);
	struct life *pair[2] = {NULL, NULL};

	if (ev->call == FDT_CALL_socketpair)
		birth.kind = socket_kind(ev->args[0], ev->args[1]);
	for (int i = 0; i < event_count(ev, FDT_ITEM_FDS); i++)
		pair[i & 1] = life_begin(m, p, event_fd(ev, FDT_ITEM_FDS, i), &birth, ev);
	if (pair[0] == NULL || pair[1] == NULL)
		return;
	pair[0]->pair = pair[1]->id;
	pair[1]->pair = pair[0]->id;
}

static void
accepted(struct model *m, struct process *p, struct event *ev)
{
	struct life *listener = model_life(m, ev->life);
	struct birth birth = made(KIND_TCP, ev);
	uint32_t queued;

	birth.peer = model_address(m, event_item(ev, FDT_ITEM_PEER));
	if (listener != NULL) {
		birth.kind = (enum kind)listener->kind;
		birth.local = listener->local;
		birth.listener = listener;
	} else if (birth.peer.family == AF_UNIX) {
		birth.kind = KIND_UNIX;
	}
	if (listener != NULL && event_queue(ev, &queued)) {
		listener->queued = queued;
		listener->queue_known = true;
	} else if (listener != NULL && listener->queued > 0) {
		listener->queued--;
	}
	life_begin(m, p, ev->ret, &birth, ev);
}

static void
copied(struct model *m, struct process *p, const struct event *ev, bool cloexec)
{
	struct life *of = model_life(m, ev->life);
	struct birth birth = {.kind = KIND_OTHER,
		.origin = BORN_DUP,
		.of = of,
		.cloexec = cloexec,
		.nonblock = of != NULL && of->nonblock,
		.over = ev->info->shape == SHAPE_dup2};

	if (ev->info->shape == SHAPE_dup2 && ev->ret == ev->fd)
		return; /* the same number: nothing happens (dup2(2)) */
	life_begin(m, p, ev->ret, &birth, ev);
}

static void
controlled(struct model *m, struct process *p, const struct event *ev)
{
	struct life *life = model_life(m, ev->life);

	switch (ev->args[0]) {
	case F_DUPFD:
	case DUPFD_CLOEXEC: copied(m, p, ev, ev->args[0] == DUPFD_CLOEXEC); break;
	case F_SETFD:
		if (life != NULL)
			life->cloexec = (ev->args[1] & FD_CLOEXEC) != 0;
		break;
	case F_SETFL:
		if (life != NULL)
			life->nonblock = (ev->args[1] & O_NONBLOCK) != 0;
		break;
	default: break;
	}
}

/* ---- descriptors in messages ---- */

/* As soon as the call begins: the message may be received before the sender's call has returned. */
static void
rights_sent(struct model *m, const struct event *ev)
{
	struct sent sent = {.seq = ev->seq, .socket = ev->life};

	for (int i = 0; i < event_count(ev, FDT_ITEM_SENT_FDS) && sent.count < SENT_MOST; i++) {
		const struct life *life = model_was(m, ev->pid, event_fd(ev, FDT_ITEM_SENT_FDS, i), ev->began);

		sent.lives[sent.count++] = life != NULL ? life->id : 0;
	}
	if (sent.count == 0)
		return;
	if (m->nsent == SENT_KEPT)
		memmove(m->sent, m->sent + 1, --m->nsent * sizeof m->sent[0]);
	m->sent[m->nsent++] = sent;
}

/* It was not sent after all. */
static void
rights_failed(struct model *m, const struct event *ev)
{
	for (uint32_t i = m->nsent; event_count(ev, FDT_ITEM_SENT_FDS) > 0 && i-- > 0;)
		if (m->sent[i].seq == ev->seq)
			memmove(m->sent + i, m->sent + i + 1, (--m->nsent - i) * sizeof m->sent[0]);
}

/* The message that came: from the other end of this socket's pair, if that is known, else the oldest with as many descriptors. */
static struct sent
rights_match(struct model *m, const struct event *ev, uint32_t count)
{
	const struct life *socket = model_life(m, ev->life), *from;
	uint32_t end = socket != NULL ? model_life(m, socket->root)->pair : 0;
	struct sent found = {0};
	uint32_t best = m->nsent;

	for (uint32_t i = m->nsent; i-- > 0;) {
		from = model_life(m, m->sent[i].socket);
		if (m->sent[i].count == count && from != NULL && (end == 0 || from->root == end))
			best = i;
	}
	if (best == m->nsent)
		return found;
	found = m->sent[best];
	m->nsent--;
	memmove(m->sent + best, m->sent + best + 1, (m->nsent - best) * sizeof m->sent[0]);
	return found;
}

static void
rights_came(struct model *m, struct process *p, const struct event *ev)
{
	int count = event_count(ev, FDT_ITEM_FDS);
	struct sent sent = {0};

	if (count > 0)
		sent = rights_match(m, ev, (uint32_t)count);
	for (int i = 0; i < count; i++) {
		struct birth birth = {.kind = KIND_OTHER,
			.origin = BORN_RECEIVED,
			.of = (uint32_t)i < sent.count ? model_life(m, sent.lives[i]) : NULL};

		life_begin(m, p, event_fd(ev, FDT_ITEM_FDS, i), &birth, ev);
	}
}

/* ---- ends ---- */

/* A close that failed with anything but EBADF has closed all the same (close(2), "Dealing with error returns"). */
static void
closed(struct model *m, const struct event *ev)
{
	struct inflight *f = ev->inflight;

	if (f != NULL && f->ended != 0) /* its number was given away before it returned: it had done its work */
		add_id(&m->closed, f->ended);
	else if (ev->ret == 0 || ev->error != EBADF)
		life_end(m, model_at(m, ev->pid, ev->fd), ENDS_CLOSED, ev);
	else if (ev->error == EBADF)
		life_end(m, model_at(m, ev->pid, ev->fd), ENDS_UNSEEN, ev);
}

static void
range_closed(struct model *m, struct process *p, const struct event *ev, int64_t last)
{
	struct inflight *f = ev->inflight;
	uint32_t next;

	if (f != NULL && f->ended != 0)
		add_id(&m->closed, f->ended);
	if (!work_left(m, ev, p->nopen))
		return;
	for (uint32_t id = p->open; id != 0; id = next) {
		struct life *life = model_life(m, id);

		next = life->next_open;
		if (life->number < ev->args[0] || life->number > last)
			continue;
		if (ev->info->shape == SHAPE_range && (ev->args[2] & RANGE_CLOEXEC))
			life->cloexec = true;
		else
			life_end(m, life, ENDS_CLOSED, ev);
	}
}

/* ---- bytes ---- */

static int64_t
moved_bytes(const struct event *ev)
{
	struct bytes item = event_item(ev, FDT_ITEM_MOVED);
	int64_t bytes = ev->ret;

	if (item.size >= sizeof bytes)
		memcpy(&bytes, item.at, sizeof bytes);
	return bytes > 0 ? bytes : 0;
}

static void
came_in(struct model *m, struct life *life, const struct event *ev)
{
	if (life == NULL || m->replay)
		return;
	life->in += (uint64_t)moved_bytes(ev);
	if (ev->ret == 0 && life->kind != KIND_UDP && (ev->info->nkept == 0 || ev->args[0] != 0))
		life->eof = true;
}

static void
went_out(struct model *m, struct life *life, const struct event *ev)
{
	if (life != NULL && !m->replay)
		life->out += (uint64_t)moved_bytes(ev);
}

/* ---- names ---- */

static void
named(struct model *m, const struct event *ev)
{
	struct life *life = model_life(m, ev->life);
	struct bytes local = event_item(ev, FDT_ITEM_LOCAL);

	if (life == NULL || m->replay)
		return;
	if (ev->info->shape == SHAPE_connect)
		life->peer = model_address(m, event_item(ev, FDT_ITEM_ADDR));
	if (local.at != NULL)
		life->local = model_address(m, local);
	else if (ev->info->shape == SHAPE_bind)
		life->local = model_address(m, event_item(ev, FDT_ITEM_ADDR));
}

static void
listens(struct model *m, const struct event *ev)
{
	struct life *life = model_life(m, ev->life);

	if (life == NULL || life->listens)
		return;
	life->listens = true;
	life->listen_seq = ev->seq;
}

/* A note says that WHO is the client at the address TEXT. */
static void
note_taken(struct model *m, const struct event *ev)
{
	struct bytes verb = event_item(ev, FDT_ITEM_VERB), text = event_item(ev, FDT_ITEM_TEXT);
	struct address a = {.family = AF_INET};
	char name[INET6_ADDRSTRLEN + 16] = "", *colon;
	struct life *life;
	uint64_t key;

	if (m->replay || verb.size != 2 || !starts_with(verb, "is") || text.at == NULL || text.size >= sizeof name)
		return;
	memcpy(name, text.at, text.size);
	colon = strrchr(name, ':');
	if (colon == NULL)
		return;
	*colon = '\0';
	for (const char *p = colon + 1; *p >= '0' && *p <= '9'; p++)
		a.port = (uint16_t)(a.port * 10 + (*p - '0'));
	if (inet_pton(AF_INET, name, a.ip) != 1) {
		a.family = AF_INET6;
		colon[-(colon > name)] = '\0';
		if (inet_pton(AF_INET6, name + 1, a.ip) != 1)
			return;
	}
	key = address_key(&a);
	const char *who = intern(m, event_item(ev, FDT_ITEM_WHO));

	map_put(&m->clients, key, map_get(&m->strings_map, hash_bytes(who, strlen(who) + 1)));
	life = model_life(m, map_get(&m->peers, key));
	if (life != NULL && (life->client == NULL || life->open))
		life->client = who;
}

/* ---- what befalls a process ---- */

static void
fill_found(struct model *m, const struct event *ev, struct birth *birth, struct fdt_stat *stat)
{
	struct bytes path = event_item(ev, FDT_ITEM_PATH);

	birth->kind = KIND_OTHER;
	birth->cloexec = stat->cloexec != 0;
	birth->nonblock = (stat->fl & O_NONBLOCK) != 0;
	birth->local = model_address(m, event_item(ev, FDT_ITEM_LOCAL));
	birth->peer = model_address(m, event_item(ev, FDT_ITEM_PEER));
	if (path.at != NULL)
		birth->path = intern(m, path);
	if (S_ISSOCK(stat->mode))
		birth->kind = socket_kind(stat->family, stat->type);
	else if (S_ISFIFO(stat->mode))
		birth->kind = KIND_PIPE;
	else if (S_ISDIR(stat->mode))
		birth->kind = KIND_DIR;
	else if (S_ISREG(stat->mode))
		birth->kind = starts_with(path, "/memfd:") ? KIND_MEMFD : KIND_FILE;
	else if (S_ISCHR(stat->mode))
		birth->kind = path_kind(path, 0) == KIND_TTY ? KIND_TTY : KIND_OTHER;
	else if (starts_with(path, "anon_inode:[eventpoll]"))
		birth->kind = KIND_EPOLL;
	else if (starts_with(path, "anon_inode:[eventfd]"))
		birth->kind = KIND_EVENTFD;
	else if (starts_with(path, "anon_inode:[timerfd]"))
		birth->kind = KIND_TIMERFD;
	else if (starts_with(path, "anon_inode:[signalfd]"))
		birth->kind = KIND_SIGNALFD;
}

/* Open, as seen from inside. Known already: now it is known better. */
static void
found(struct model *m, struct process *p, const struct event *ev)
{
	struct life *life = model_at(m, ev->pid, ev->fd), *of = model_at(m, p->parent, ev->fd);
	struct fdt_stat stat = {0};
	struct birth birth = {.origin = p->starting ? BORN_INHERITED : BORN_FOUND, .of = p->starting ? of : NULL};

	event_stat(ev, &stat);
	fill_found(m, ev, &birth, &stat);
	if (life == NULL) {
		life = life_begin(m, p, ev->fd, &birth, ev);
	} else if (life->kind == KIND_OTHER && !m->replay) {
		life->kind = (uint8_t)birth.kind;
		life->path = birth.path;
		life->local = birth.local;
		life->peer = birth.peer;
	}
	if (life == NULL)
		return;
	life->cloexec = birth.cloexec;
	if (stat.listening && !life->listens) {
		life->listens = true;
		life->listen_seq = ev->seq;
	}
}

/* Is it too close to what another thread did to tell whether the list was made before or after? */
static bool
in_doubt(const struct model *m, const struct process *p, int number, const struct event *ev)
{
	const struct life *life = model_was(m, p->pid, number, UINT64_MAX);

	if (!p->threaded)
		return false;
	if (life == NULL) {
		uint32_t id = map_get(&m->numbers, (uint64_t)p->index << 32 | (uint32_t)number);

		life = model_life(m, id);
	}
	return life != NULL && (life->open ? life->born : life->ended) > ev->begin - RACE_NS;
}

struct numbers {
	bool listed[NUMBERS_LISTED];
	int known; /* of those below it the list says it all: where it was cut, up to its last */
};

static struct numbers
numbers_of(const struct event *ev)
{
	struct numbers n = {.known = ev->flags & FDT_EV_CUT ? 0 : NUMBERS_LISTED};

	for (int i = 0; i < event_count(ev, FDT_ITEM_FDS); i++) {
		int number = event_fd(ev, FDT_ITEM_FDS, i);

		if (number >= 0 && number < NUMBERS_LISTED)
			n.listed[number] = true;
		if (number >= n.known && number < NUMBERS_LISTED)
			n.known = number + 1;
	}
	return n;
}

/* All open descriptors are listed: what is not there has ended. At a start exec has closed it; else nobody saw it. */
static void
resynced(struct model *m, struct process *p, const struct event *ev, bool start)
{
	struct birth birth = {.kind = KIND_OTHER, .origin = BORN_FOUND};
	struct numbers numbers = numbers_of(ev);
	uint32_t next;

	if ((event_item(ev, FDT_ITEM_FDS).at == NULL && !start) || !work_left(m, ev, p->nopen))
		return;
	for (uint32_t id = p->open; id != 0; id = next) {
		struct life *life = model_life(m, id);

		next = life->next_open;
		if (life->number < numbers.known ? numbers.listed[life->number] : !(start && life->cloexec))
			continue;
		if (start || (!in_doubt(m, p, life->number, ev) &&
				     timeline_ending(m->timeline, p->pid, life->number, ev, NULL) == NULL))
			life_end(m, life, start && life->cloexec ? ENDS_EXEC : ENDS_UNSEEN, ev);
	}
	if (start || timeline_making(m->timeline, p->pid, ev))
		return;
	for (int number = 0; number < NUMBERS_LISTED; number++) {
		if (numbers.listed[number] && model_at(m, p->pid, number) == NULL && !in_doubt(m, p, number, ev))
			life_begin(m, p, number, &birth, ev);
	}
}

/* argv: the NULs between become spaces. */
const char *
model_arguments(struct model *m, struct bytes text)
{
	unsigned char copy[1024];
	uint32_t n = text.size < sizeof copy ? text.size : sizeof copy;

	if (n == 0)
		return "";
	memcpy(copy, text.at, n);
	n -= copy[n - 1] == '\0';
	for (uint32_t i = 0; i < n; i++)
		if (copy[i] == '\0')
			copy[i] = ' ';
	return intern(m, (struct bytes){copy, n});
}

/* A program image begins: after an exec in a process that is known, or in a new one. */
static void
started(struct model *m, const struct event *ev)
{
	struct process *p = model_pid(m, ev->pid);

	if (p == NULL || p->ended)
		p = process_new(m, ev->pid, (uint32_t)ev->args[0], ev);
	else
		resynced(m, p, ev, true);
	p->image = ++m->images;
	p->argv = model_arguments(m, event_item(ev, FDT_ITEM_TEXT));
	if (p->parent == 0)
		p->parent = (uint32_t)ev->args[0];
	p->arrived = p->starting = true;
	p->threaded = p->forked = false;
}

/* A child speaks for the first time. Its parent's fork may have returned before that, and made it known. */
static void
forked(struct model *m, const struct event *ev)
{
	struct process *p = model_pid(m, ev->pid);

	if (p == NULL || p->arrived || p->ended)
		p = process_fork(m, (uint32_t)ev->args[0], ev->pid, ev);
	p->arrived = true;
	for (uint32_t id = p->open; id != 0; id = model_life(m, id)->next_open) {
		struct life *life = model_life(m, id);

		if (life->born_seq == 0) {
			life->born_seq = ev->seq;
			life->born = ev->end; /* told by this event, so it lives from then on */
		}
		add_id(&m->opened, id);
	}
}

static void
fork_returned(struct model *m, struct process *p, const struct event *ev)
{
	struct process *child = model_pid(m, (uint32_t)ev->ret);

	if (ev->ret <= 0)
		return;
	if (child == NULL || child->begun_seq < ev->seq)
		process_fork(m, ev->pid, (uint32_t)ev->ret, ev);
	for (int i = 0; i < event_count(ev, FDT_ITEM_FDS); i++)
		life_begin(m, p, event_fd(ev, FDT_ITEM_FDS, i), &(struct birth){.kind = KIND_TTY, .origin = BORN_MADE},
			ev);
}

static void
queue_seen(struct model *m, const struct event *ev)
{
	struct life *life = model_at(m, ev->pid, ev->fd);

	if (life == NULL)
		return;
	life->queued = (uint32_t)ev->args[0];
	life->queue_known = true;
}

static void
module_seen(struct model *m, struct process *p, const struct event *ev)
{
	if (m->replay)
		return;
	m->modules = grow(m->modules, m->nmodules, &m->modules_room, sizeof *m->modules);
	m->modules[m->nmodules++] = (struct module){p->image, ev->slot, ev->seq};
}

static void
befell(struct model *m, struct event *ev)
{
	struct process *p = model_pid(m, ev->pid);

	switch (ev->call) {
	case FDT_CALL_start: started(m, ev); return;
	case FDT_CALL_forked: forked(m, ev); return;
	case FDT_CALL_note: note_taken(m, ev); return;
	case FDT_CALL_queue: queue_seen(m, ev); return;
	case FDT_CALL_module: module_seen(m, process_of(m, ev), ev); return;
	case FDT_CALL_found: found(m, process_of(m, ev), ev); return;
	case FDT_CALL_resync: resynced(m, process_of(m, ev), ev, false); return;
	case FDT_CALL_ended:
		if (p == NULL)
			return;
		p->ended = true;
		if (p->ended_seq == 0) {
			p->ended_seq = ev->seq;
			p->ended_at = ev->end;
		}
		return;
	default: return;
	}
}

/* ---- a step ---- */

bool
model_skipped(const struct model *m, const struct event *ev)
{
	const struct fdt_header *h = capture_header(m->capture);

	return ev->fault >= 1 && ev->fault <= FDT_FAULTS &&
	       (h->faults[ev->fault - 1].what & (FDT_FAULT_ERROR | FDT_FAULT_RETVAL)) != 0;
}

void
effect_begin(struct model *m, struct event *ev)
{
	struct process *p;
	struct life *life;

	ev->began = m->now;
	if (ev->info->shape == SHAPE_event)
		return;
	p = process_of(m, ev);
	p->arrived = true;
	p->starting = false;
	p->threaded |= ev->tid != ev->pid;
	life = ev->has_fd ? model_at(m, ev->pid, ev->fd) : NULL;
	ev->life = life != NULL ? life->id : 0;
	if ((ev->info->shape == SHAPE_sendmsg || ev->info->shape == SHAPE_sendmmsg) && !(ev->done && ev->ret < 0))
		rights_sent(m, ev);
	if (ev->info->shape == SHAPE_exit && !p->ended) {
		p->ended = true;
		if (!m->replay) {
			p->ended_seq = ev->seq;
			p->ended_at = ev->begin;
		}
	}
}

/* What a call of each shape does when it has succeeded. What is not here does nothing to a table. */
enum does {
	DOES_NOTHING,
	MAKES_ONE,
	MAKES_PAIR,
	MAKES_SIGNALFD,
	ACCEPTS,
	COPIES,
	CONTROLS,
	CLOSES,
	REOPENS,
	CLOSES_RANGE,
	CLOSES_FROM,
	NAMES,
	CONNECTS,
	LISTENS,
	WATCHES,
	BRINGS,
	BRINGS_RIGHTS,
	SENDS,
	SENDS_RIGHTS,
	MOVES,
	IOCTLS,
	FORKS,
};

static const uint8_t does[SHAPES] = {
	[SHAPE_make] = MAKES_ONE,
	[SHAPE_socket] = MAKES_ONE,
	[SHAPE_open] = MAKES_ONE,
	[SHAPE_opendir] = MAKES_ONE,
	[SHAPE_fopen] = MAKES_ONE,
	[SHAPE_stream] = MAKES_ONE,
	[SHAPE_raw] = MAKES_ONE,
	[SHAPE_pidspawn] = MAKES_ONE,
	[SHAPE_pair] = MAKES_PAIR,
	[SHAPE_openpty] = MAKES_PAIR,
	[SHAPE_signalfd] = MAKES_SIGNALFD,
	[SHAPE_accept] = ACCEPTS,
	[SHAPE_dup] = COPIES,
	[SHAPE_dup2] = COPIES,
	[SHAPE_fcntl] = CONTROLS,
	[SHAPE_close] = CLOSES,
	[SHAPE_fclose] = CLOSES,
	[SHAPE_closedir] = CLOSES,
	[SHAPE_freopen] = REOPENS,
	[SHAPE_range] = CLOSES_RANGE,
	[SHAPE_closefrom] = CLOSES_FROM,
	[SHAPE_bind] = NAMES,
	[SHAPE_connect] = CONNECTS,
	[SHAPE_plain] = LISTENS,
	[SHAPE_epoll_ctl] = WATCHES,
	[SHAPE_in] = BRINGS,
	[SHAPE_inv] = BRINGS,
	[SHAPE_recvfrom] = BRINGS,
	[SHAPE_recvmsg] = BRINGS_RIGHTS,
	[SHAPE_recvmmsg] = BRINGS_RIGHTS,
	[SHAPE_out] = SENDS,
	[SHAPE_outv] = SENDS,
	[SHAPE_sendto] = SENDS,
	[SHAPE_printed] = SENDS,
	[SHAPE_sendmsg] = SENDS_RIGHTS,
	[SHAPE_sendmmsg] = SENDS_RIGHTS,
	[SHAPE_move] = MOVES,
	[SHAPE_ioctl] = IOCTLS,
	[SHAPE_fork] = FORKS,
	[SHAPE_vfork] = FORKS,
	[SHAPE_forkpty] = FORKS,
};

/* What a call does to the descriptors that it names. */
static void
effect_on_named(struct model *m, struct process *p, struct event *ev, struct life *life)
{
	switch (does[ev->info->shape]) {
	case CONTROLS: controlled(m, p, ev); break;
	case NAMES: named(m, ev); break;
	case LISTENS:
		if (ev->call == FDT_CALL_listen)
			listens(m, ev);
		break;
	case WATCHES: watch_control(m, ev); break;
	case BRINGS: came_in(m, life, ev); break;
	case BRINGS_RIGHTS:
		came_in(m, life, ev);
		rights_came(m, p, ev);
		break;
	case SENDS_RIGHTS:
		went_out(m, life, ev); /* effect_begin has put down what was sent */
		break;
	case SENDS: went_out(m, life, ev); break;
	case MOVES:
		came_in(m, model_was(m, ev->pid, (int)ev->args[0], ev->began), ev);
		went_out(m, life, ev);
		break;
	case IOCTLS:
		if (life != NULL && (ev->args[0] == IOCTL_CLEX || ev->args[0] == IOCTL_NCLEX))
			life->cloexec = ev->args[0] == IOCTL_CLEX;
		pair_made(m, p, ev);
		break;
	default: break;
	}
}

/* What a call does to the table: births and ends. */
static void
effect_on_table(struct model *m, struct process *p, struct event *ev)
{
	switch (does[ev->info->shape]) {
	case REOPENS:
	case MAKES_ONE: one_made(m, p, ev); break;
	case MAKES_PAIR: pair_made(m, p, ev); break;
	case MAKES_SIGNALFD:
		if (ev->ret != ev->fd)
			one_made(m, p, ev);
		break;
	case ACCEPTS: accepted(m, p, ev); break;
	case COPIES: copied(m, p, ev, (flags_of(ev) & O_CLOEXEC) != 0); break;
	case CLOSES_RANGE: range_closed(m, p, ev, (uint32_t)ev->args[1]); break;
	case CLOSES_FROM: range_closed(m, p, ev, INT32_MAX); break;
	case FORKS: fork_returned(m, p, ev); break;
	default: effect_on_named(m, p, ev, model_life(m, ev->life)); break;
	}
}

/* It worked, so its descriptor was open, and nobody saw it made: the call was not recorded, or is not covered. */
static void
was_open(struct model *m, struct process *p, struct event *ev)
{
	struct life *life;

	if (!ev->has_fd || ev->life != 0 || does[ev->info->shape] == REOPENS || model_at(m, ev->pid, ev->fd) != NULL)
		return;
	life = life_begin(m, p, ev->fd, &(struct birth){.kind = KIND_OTHER, .origin = BORN_FOUND}, ev);
	ev->life = life != NULL ? life->id : 0;
}

void
effect_end(struct model *m, struct event *ev)
{
	enum does what = (enum does)does[ev->info->shape];

	if (ev->info->shape == SHAPE_event) {
		befell(m, ev);
		return;
	}
	if (model_skipped(m, ev))
		return;
	if (what == CLOSES || what == REOPENS)
		closed(m, ev);
	if (what == SENDS_RIGHTS && ev->ret < 0)
		rights_failed(m, ev);
	if (what == CONNECTS && (ev->ret == 0 || ev->error == EINPROGRESS))
		named(m, ev);
	if (ev->ret < 0 || what == CLOSES || what == CONNECTS)
		return;
	was_open(m, process_of(m, ev), ev);
	effect_on_table(m, process_of(m, ev), ev);
}
