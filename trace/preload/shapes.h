/* trace/preload/shapes.h: what each kind of call keeps, when it begins (enter_) and when it returns (leave_).
 *
 * calls.tab says which shape a call has, SHAPES in calls.py which arguments the two functions get. The caller's own
 * pointers are passed on to libc; here they are only read: before the call what goes in, after it what came out.
 */
#ifndef FDT_SHAPES_H
#define FDT_SHAPES_H

#include "preload/core.h"
#include "symbols.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#include "preload/sys.h"

enum { ADDR_ROOM = 28, PATH_KEPT = 512, ADDR_KEPT = 128 };

extern const char *const symbol_names[SYMBOLS];

/* ---- helpers ---- */

/* The end of every call: time, result, errno, commit. What a call gave back is added between returned() and done(). */
static inline int64_t
leave_with(struct frame *f, int64_t ret)
{
	done(f);
	if (UNLIKELY(process.faults))
		fault_leave(f);
	return ret;
}

static inline void
came_back(struct frame *f, int64_t ret)
{
	returned(f, ret, ret < 0 ? errno : 0);
}

static inline size_t
kept_bytes(size_t size)
{
	return size < process.data_bytes ? size : process.data_bytes;
}

/* Room for that many bytes; none at all when no data is kept. */
static inline size_t
data_room(size_t size)
{
	size_t kept = kept_bytes(size);

	return kept > 0 ? fdt_item_bytes(kept) : 0;
}

static inline void
timeout_item(struct frame *f, int64_t ns)
{
	struct fdt_timeout t = {ns, -1};

	item(f, FDT_ITEM_TIMEOUT, &t, sizeof t);
}

/* Keeps the highest descriptor: it tells how much of select's sets may be read. */
static inline void
new_fd(int64_t fd)
{
	if (UNLIKELY(fd > (int64_t)atomic_load_explicit(&process.top_fd, memory_order_relaxed)))
		atomic_store_explicit(&process.top_fd, (uint32_t)fd, memory_order_relaxed);
}

/* Writes over bytes of the tail that were put there at entry. */
static inline void
tail_patch(struct frame *f, uint32_t at, const void *from, size_t size)
{
	uint32_t end = f->at;

	f->at = at;
	tail_copy(f, from, size);
	f->at = end;
}

/* The address of one side of a socket, from the kernel. */
static inline void
name_item(struct frame *f, enum fdt_item kind, long number, int fd)
{
	struct sockaddr_storage name;
	socklen_t size = sizeof name;

	if (f->slot != NULL && sys3(number, fd, &name, &size) == 0 && size <= sizeof name)
		item(f, kind, &name, size);
}

/* ---- shapes that keep nothing but their arguments ---- */

static inline void
enter_plain(struct frame *f)
{
	begin(f, 0);
	begun(f);
}

static inline int64_t
leave_plain(struct frame *f, int64_t ret)
{
	came_back(f, ret);
	return leave_with(f, ret);
}

/* A call that returned a new descriptor. */
static inline int64_t
leave_make(struct frame *f, int64_t ret)
{
	came_back(f, ret);
	new_fd(ret);
	return leave_with(f, ret);
}

static inline int64_t
leave_fcntl(struct frame *f, int64_t ret)
{
	if (f->arg == F_DUPFD || f->arg == F_DUPFD_CLOEXEC)
		return leave_make(f, ret);
	return leave_plain(f, ret);
}

#define enter_make enter_plain
#define enter_socket enter_plain
#define leave_socket leave_make
#define enter_signalfd enter_plain
#define leave_signalfd leave_make
#define enter_dup enter_plain
#define leave_dup leave_make
#define enter_dup2 enter_plain
#define leave_dup2 leave_make
#define enter_fcntl enter_plain
#define enter_close enter_plain
#define leave_close leave_plain
#define enter_range enter_plain
#define leave_range leave_plain
#define enter_closefrom enter_plain
#define leave_closefrom leave_plain
#define enter_move enter_plain
#define leave_move leave_plain
#define enter_printed enter_plain
#define leave_printed leave_plain

/* ---- made ---- */

static inline void
enter_pair(struct frame *f)
{
	begin(f, fdt_item_bytes(2 * sizeof(int)));
	begun(f);
}

static inline int64_t
leave_pair(struct frame *f, int64_t ret, const int *pair)
{
	came_back(f, ret);
	if (ret == 0) {
		new_fd(pair[0]);
		new_fd(pair[1]);
		if (f->slot != NULL)
			item(f, FDT_ITEM_FDS, pair, 2 * sizeof(int));
	}
	return leave_with(f, ret);
}

static inline void
enter_open(struct frame *f, const char *path)
{
	size_t size = path != NULL ? strnlen(path, PATH_KEPT) : 0;

	begin(f, fdt_item_bytes(size));
	if (f->slot != NULL)
		item(f, FDT_ITEM_PATH, path, size);
	begun(f);
}

#define leave_open leave_make

static inline void
enter_accept(struct frame *f)
{
	begin(f, fdt_item_bytes(sizeof(uint32_t)) + fdt_item_bytes(ADDR_ROOM));
	begun(f);
}

/* How many finished handshakes are still queued: tcpi_unacked of a listener is sk_ack_backlog (tcp_get_info() in the kernel's
 * net/ipv4/tcp.c). The field is the sixth 32-bit word after eight bytes of flags (linux/tcp.h, struct tcp_info). */
static inline void
queue_item(struct frame *f)
{
	uint32_t info[8];
	socklen_t size = sizeof info;
	const int sol_tcp = 6, tcp_info = 11;

	if (sys5(SYS_getsockopt, f->fd, sol_tcp, tcp_info, info, &size) == 0 && size >= sizeof info - 4)
		item(f, FDT_ITEM_QUEUE, &info[6], sizeof info[6]);
}

static inline int64_t
leave_accept(struct frame *f, int64_t ret, const struct sockaddr *addr, const socklen_t *addrlen)
{
	came_back(f, ret);
	new_fd(ret);
	if (ret >= 0 && f->slot != NULL) {
		queue_item(f);
		if (addr != NULL && addrlen != NULL && *addrlen <= ADDR_ROOM)
			item(f, FDT_ITEM_PEER, addr, *addrlen);
		else
			name_item(f, FDT_ITEM_PEER, SYS_getpeername, (int)ret);
	}
	return leave_with(f, ret);
}

/* ---- set up ---- */

static inline void
enter_bind(struct frame *f, const struct sockaddr *addr, socklen_t addrlen)
{
	size_t size = addr != NULL && addrlen <= ADDR_KEPT ? addrlen : 0;

	begin(f, fdt_item_bytes(size) + fdt_item_bytes(size > ADDR_ROOM ? size : ADDR_ROOM));
	if (f->slot != NULL)
		item(f, FDT_ITEM_ADDR, addr, size);
	begun(f);
}

static inline int64_t
leave_bind(struct frame *f, int64_t ret)
{
	came_back(f, ret);
	if (ret == 0 || (f->slot != NULL && f->slot->error == EINPROGRESS))
		name_item(f, FDT_ITEM_LOCAL, SYS_getsockname, f->fd);
	return leave_with(f, ret);
}

#define enter_connect enter_bind
#define leave_connect leave_bind

static inline void
enter_setopt(struct frame *f, const void *value, socklen_t size)
{
	if (value != NULL && size >= sizeof(int)) {
		int number;

		memcpy(&number, value, sizeof number);
		f->extra[f->nextra++] = number;
	}
	enter_plain(f);
}

#define leave_setopt leave_plain

static inline void
enter_getopt(struct frame *f)
{
	begin(f, fdt_item_bytes(16));
	begun(f);
}

static inline int64_t
leave_getopt(struct frame *f, int64_t ret, const void *value, const socklen_t *sizep)
{
	came_back(f, ret);
	if (ret == 0 && f->slot != NULL && value != NULL && sizep != NULL)
		item(f, FDT_ITEM_DATA, value, *sizep < 16 ? *sizep : 16);
	return leave_with(f, ret);
}

/* ---- waits ---- */

/* The bits of select's sets that may be read: the kernel itself looks at no more than its table is long (select(2), BUGS), so a
 * large nfds with a plain fd_set is legal. */
static inline uint32_t
set_bytes(int nfds)
{
	uint32_t top = atomic_load_explicit(&process.top_fd, memory_order_relaxed) + 1;
	uint32_t limit = top > FD_SETSIZE ? top : FD_SETSIZE;

	limit = limit < 65536 ? limit : 65536;
	if (nfds <= 0)
		return 0;
	return (((uint32_t)nfds < limit ? (uint32_t)nfds : limit) + 7) / 8;
}

static inline void
enter_sets(struct frame *f, int nfds, fd_set *const set[3], int64_t timeout)
{
	uint32_t bytes = set_bytes(nfds), count = (set[0] != NULL) + (set[1] != NULL) + (set[2] != NULL);
	size_t size = sizeof(struct fdt_sets) + 2 * (size_t)count * bytes;

	begin(f, fdt_item_bytes(sizeof(struct fdt_timeout)) + fdt_item_bytes(size));
	if (f->slot != NULL) {
		uint16_t head[2] = {FDT_ITEM_SETS, (uint16_t)size};

		f->sets = (struct fdt_sets){nfds, (uint16_t)bytes, 0, 0};
		for (int i = 0; i < 3; i++)
			f->sets.present |= (uint8_t)((set[i] != NULL) << i);
		timeout_item(f, timeout);
		tail_copy(f, head, sizeof head);
		f->mark = f->at;
		tail_copy(f, &f->sets, sizeof f->sets);
		for (int i = 0; i < 3; i++)
			if (set[i] != NULL)
				tail_copy(f, set[i], bytes);
	}
	begun(f);
}

static inline int64_t
leave_sets(struct frame *f, int64_t ret, fd_set *const set[3], int64_t left)
{
	came_back(f, ret);
	if (f->slot != NULL && ret >= 0) {
		for (int i = 0; i < 3; i++)
			if (set[i] != NULL)
				tail_copy(f, set[i], f->sets.bytes);
		f->sets.out = 1;
		tail_patch(f, f->mark, &f->sets, sizeof f->sets);
	}
	if (f->slot != NULL && left >= 0) /* the timeout's item stands right before the sets' */
		tail_patch(f, f->mark - 4 - (uint32_t)sizeof left, &left, sizeof left);
	return leave_with(f, ret);
}

static inline int64_t
timeval_ns(const struct timeval *t)
{
	return t != NULL ? (int64_t)t->tv_sec * 1000000000 + (int64_t)t->tv_usec * 1000 : -1;
}

static inline int64_t
timespec_ns(const struct timespec *t)
{
	return t != NULL ? (int64_t)t->tv_sec * 1000000000 + t->tv_nsec : -1;
}

static inline void
enter_select(struct frame *f, int nfds, fd_set *r, fd_set *w, fd_set *x, const struct timeval *timeout)
{
	enter_sets(f, nfds, (fd_set *const[3]){r, w, x}, timeval_ns(timeout));
}

static inline int64_t
leave_select(struct frame *f, int64_t ret, fd_set *r, fd_set *w, fd_set *x, const struct timeval *timeout)
{
	return leave_sets(f, ret, (fd_set *const[3]){r, w, x}, timeval_ns(timeout));
}

static inline void
enter_pselect(struct frame *f, int nfds, fd_set *r, fd_set *w, fd_set *x, const struct timespec *timeout)
{
	enter_sets(f, nfds, (fd_set *const[3]){r, w, x}, timespec_ns(timeout));
}

static inline int64_t
leave_pselect(struct frame *f, int64_t ret, fd_set *r, fd_set *w, fd_set *x)
{
	return leave_sets(f, ret, (fd_set *const[3]){r, w, x}, -1);
}

static inline void
enter_polled(struct frame *f, const struct pollfd *list, nfds_t count, int64_t timeout)
{
	const size_t most = (FDT_TAIL_MAX * FDT_TAIL_ROOM - 64) / sizeof *list;
	size_t n = list == NULL ? 0 : count < most ? count : most;

	begin(f, fdt_item_bytes(sizeof(struct fdt_timeout)) + fdt_item_bytes(n * sizeof *list));
	if (f->slot != NULL) {
		timeout_item(f, timeout);
		f->mark = f->at + 4;
		item(f, FDT_ITEM_POLL, list, n * sizeof *list); /* struct fdt_poll is struct pollfd */
		if (n < count)
			f->slot->flags |= FDT_EV_CUT;
	}
	begun(f);
}

static inline int64_t
leave_poll(struct frame *f, int64_t ret, const struct pollfd *list, nfds_t count)
{
	came_back(f, ret);
	if (f->slot != NULL && ret >= 0 && list != NULL) {
		size_t room = (f->at - f->mark) / sizeof *list;

		tail_patch(f, f->mark, list, (count < room ? count : room) * sizeof *list);
	}
	return leave_with(f, ret);
}

static inline void
enter_poll(struct frame *f, const struct pollfd *list, nfds_t count, int timeout)
{
	enter_polled(f, list, count, timeout < 0 ? -1 : (int64_t)timeout * 1000000);
}

static inline void
enter_ppoll(struct frame *f, const struct pollfd *list, nfds_t count, const struct timespec *timeout)
{
	enter_polled(f, list, count, timespec_ns(timeout));
}

#define leave_ppoll leave_poll

/* Room for the events that will come back: the caller's array is often a thousand times longer than what it ever holds, so
 * twice what this thread got last time, and 16 at least. More than that is cut, and said to be. */
static inline void
enter_epolled(struct frame *f, int count, int64_t timeout)
{
	uint32_t n = 2 * self.last_epoll > 16 ? 2 * self.last_epoll : 16;

	if (count >= 0 && n > (uint32_t)count)
		n = (uint32_t)count;
	begin(f, fdt_item_bytes(sizeof(struct fdt_timeout)) + fdt_item_bytes(n * sizeof(struct fdt_epoll)));
	if (f->slot != NULL)
		timeout_item(f, timeout);
	begun(f);
}

static inline void
enter_epoll_wait(struct frame *f, int count, int timeout)
{
	enter_epolled(f, count, timeout < 0 ? -1 : (int64_t)timeout * 1000000);
}

static inline void
enter_epoll_pwait2(struct frame *f, int count, const struct timespec *timeout)
{
	enter_epolled(f, count, timespec_ns(timeout));
}

static inline int64_t
leave_epoll_wait(struct frame *f, int64_t ret, const struct epoll_event *list)
{
	came_back(f, ret);
	if (f->slot != NULL && ret > 0) {
		size_t room = (size_t)f->tail * FDT_TAIL_ROOM - f->at;
		size_t n = room < 4 ? 0 : (room - 4) / sizeof(struct fdt_epoll);

		n = n < (size_t)ret ? n : (size_t)ret;
		uint16_t head[2] = {FDT_ITEM_EPOLL, (uint16_t)(n * sizeof(struct fdt_epoll))};

		tail_copy(f, head, sizeof head);
		for (size_t i = 0; i < n; i++) {
			struct fdt_epoll e = {list[i].data.u64, list[i].events, -1};

			tail_copy(f, &e, sizeof e);
		}
		if (n < (size_t)ret)
			f->slot->flags |= FDT_EV_CUT;
		self.last_epoll = (uint32_t)ret < 1024 ? (uint32_t)ret : 1024;
	}
	return leave_with(f, ret);
}

#define leave_epoll_pwait2 leave_epoll_wait

static inline void
enter_epoll_ctl(struct frame *f, const struct epoll_event *event)
{
	begin(f, fdt_item_bytes(sizeof(struct fdt_epoll)));
	if (f->slot != NULL && event != NULL) {
		struct fdt_epoll e = {event->data.u64, event->events, (int32_t)f->extra[0]};

		item(f, FDT_ITEM_EPOLL, &e, sizeof e);
	}
	begun(f);
}

#define leave_epoll_ctl leave_plain

/* ---- bytes ---- */

static inline void
enter_in(struct frame *f, size_t *size)
{
	f->size = size;
	begin(f, data_room(*size));
	begun(f);
}

static inline int64_t
leave_in(struct frame *f, int64_t ret, const void *buf)
{
	came_back(f, ret);
	if (ret > 0 && f->slot != NULL && process.data_bytes > 0)
		item(f, FDT_ITEM_DATA, buf, kept_bytes((size_t)ret));
	return leave_with(f, ret);
}

static inline void
enter_out(struct frame *f, const void *buf, size_t *size)
{
	size_t kept = buf != NULL ? kept_bytes(*size) : 0;

	f->size = size;
	begin(f, data_room(*size));
	if (f->slot != NULL && kept > 0)
		item(f, FDT_ITEM_DATA, buf, kept);
	begun(f);
}

#define leave_out leave_plain

static inline void
enter_sendto(struct frame *f, const void *buf, size_t *size, const struct sockaddr *addr, socklen_t addrlen)
{
	size_t kept = buf != NULL ? kept_bytes(*size) : 0, name = addr != NULL && addrlen <= ADDR_KEPT ? addrlen : 0;

	f->size = size;
	begin(f, data_room(*size) + (name > 0 ? fdt_item_bytes(name) : 0));
	if (f->slot != NULL && kept > 0)
		item(f, FDT_ITEM_DATA, buf, kept);
	if (f->slot != NULL && name > 0)
		item(f, FDT_ITEM_ADDR, addr, name);
	begun(f);
}

#define leave_sendto leave_plain

static inline void
enter_recvfrom(struct frame *f, size_t *size)
{
	f->size = size;
	begin(f, fdt_item_bytes(ADDR_ROOM) + data_room(*size));
	begun(f);
}

static inline int64_t
leave_recvfrom(struct frame *f, int64_t ret, const void *buf, const struct sockaddr *addr, const socklen_t *addrlen)
{
	came_back(f, ret);
	if (ret >= 0 && f->slot != NULL && addr != NULL && addrlen != NULL && *addrlen > 0 && *addrlen <= ADDR_ROOM)
		item(f, FDT_ITEM_PEER, addr, *addrlen);
	if (ret > 0 && f->slot != NULL && process.data_bytes > 0)
		item(f, FDT_ITEM_DATA, buf, kept_bytes((size_t)ret));
	return leave_with(f, ret);
}

/* The first bytes of a row of buffers. */
static inline void
iov_item(struct frame *f, const struct iovec *iov, size_t count, size_t moved)
{
	size_t total = 0, want = kept_bytes(moved), at;
	uint16_t head[2] = {FDT_ITEM_DATA, 0};

	if (f->slot == NULL || want == 0 || iov == NULL || (size_t)f->tail * FDT_TAIL_ROOM - f->at < fdt_item_bytes(want))
		return;
	at = f->at;
	tail_copy(f, head, sizeof head);
	for (size_t i = 0; i < count && total < want; i++) {
		size_t n = iov[i].iov_len < want - total ? iov[i].iov_len : want - total;

		tail_copy(f, iov[i].iov_base, n);
		total += n;
	}
	head[1] = (uint16_t)total;
	tail_patch(f, (uint32_t)at, head, sizeof head);
	f->at = (uint32_t)(at + fdt_item_bytes(total));
}

static inline size_t
iov_size(const struct iovec *iov, int64_t count)
{
	size_t total = 0;

	for (int64_t i = 0; iov != NULL && i < count && i < 1024; i++)
		total += iov[i].iov_len;
	return total;
}

static inline void
enter_inv(struct frame *f, const struct iovec *iov, int count)
{
	begin(f, data_room(iov_size(iov, count)));
	begun(f);
}

static inline int64_t
leave_inv(struct frame *f, int64_t ret, const struct iovec *iov, int count)
{
	came_back(f, ret);
	if (ret > 0)
		iov_item(f, iov, (size_t)count, (size_t)ret);
	return leave_with(f, ret);
}

static inline void
enter_outv(struct frame *f, const struct iovec *iov, int count)
{
	size_t size = iov_size(iov, count);

	begin(f, data_room(size));
	if (count > 0)
		iov_item(f, iov, (size_t)count, size);
	begun(f);
}

#define leave_outv leave_plain

/* Descriptors in control messages (unix(7), SCM_RIGHTS). */
static inline void
rights_item(struct frame *f, enum fdt_item kind, const struct msghdr *msg)
{
	struct msghdr *m = (struct msghdr *)(uintptr_t)msg; /* CMSG_NXTHDR of musl wants it so */

	if (f->slot == NULL || msg->msg_control == NULL)
		return;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len > CMSG_LEN(0))
			item(f, kind, CMSG_DATA(c), c->cmsg_len - CMSG_LEN(0));
}

static inline size_t
rights_room(const struct msghdr *msg)
{
	if (msg->msg_control == NULL || msg->msg_controllen == 0)
		return 0;
	return fdt_item_bytes(msg->msg_controllen < 1100 ? msg->msg_controllen : 1100); /* SCM_MAX_FD is 253 */
}

static inline void
enter_recvmsg(struct frame *f, const struct msghdr *msg)
{
	begin(f, rights_room(msg) + data_room(iov_size(msg->msg_iov, (int64_t)msg->msg_iovlen)));
	begun(f);
}

static inline int64_t
leave_recvmsg(struct frame *f, int64_t ret, const struct msghdr *msg)
{
	came_back(f, ret);
	if (ret >= 0)
		rights_item(f, FDT_ITEM_FDS, msg);
	if (ret > 0)
		iov_item(f, msg->msg_iov, msg->msg_iovlen, (size_t)ret);
	return leave_with(f, ret);
}

static inline void
enter_sendmsg(struct frame *f, const struct msghdr *msg)
{
	size_t size = iov_size(msg->msg_iov, (int64_t)msg->msg_iovlen);

	begin(f, rights_room(msg) + data_room(size));
	rights_item(f, FDT_ITEM_SENT_FDS, msg);
	iov_item(f, msg->msg_iov, msg->msg_iovlen, size);
	begun(f);
}

#define leave_sendmsg leave_plain

static inline size_t
mmsg_rights_room(const struct mmsghdr *msgs, unsigned count)
{
	size_t room = 0;

	for (unsigned i = 0; msgs != NULL && i < count && i < 64; i++)
		room += rights_room(&msgs[i].msg_hdr);
	return room;
}

/* How many bytes the messages had, all together: a second argument that is known only at the end. */
static inline void
mmsg_item(struct frame *f, const struct mmsghdr *msgs, int64_t count)
{
	int64_t total = 0;

	for (int64_t i = 0; i < count; i++)
		total += msgs[i].msg_len;
	if (f->slot != NULL)
		item(f, FDT_ITEM_MOVED, &total, sizeof total);
}

static inline void
enter_recvmmsg(struct frame *f, const struct mmsghdr *msgs, unsigned count)
{
	begin(f, mmsg_rights_room(msgs, count) + fdt_item_bytes(sizeof(int64_t)));
	begun(f);
}

static inline int64_t
leave_recvmmsg(struct frame *f, int64_t ret, const struct mmsghdr *msgs)
{
	came_back(f, ret);
	mmsg_item(f, msgs, ret);
	for (int64_t i = 0; i < ret; i++)
		rights_item(f, FDT_ITEM_FDS, &msgs[i].msg_hdr);
	return leave_with(f, ret);
}

static inline void
enter_sendmmsg(struct frame *f, const struct mmsghdr *msgs, unsigned count)
{
	begin(f, mmsg_rights_room(msgs, count) + fdt_item_bytes(sizeof(int64_t)));
	for (unsigned i = 0; f->slot != NULL && msgs != NULL && i < count && i < 64; i++)
		rights_item(f, FDT_ITEM_SENT_FDS, &msgs[i].msg_hdr);
	begun(f);
}

static inline int64_t
leave_sendmmsg(struct frame *f, int64_t ret, const struct mmsghdr *msgs)
{
	came_back(f, ret);
	mmsg_item(f, msgs, ret);
	return leave_with(f, ret);
}

/* ---- streams, and what libc does inside ---- */

/* Writes which descriptors are open now: the reader sees what libc opened or closed by itself. */
void write_resync(void);

static inline void
leave_with_fd(struct frame *f, int fd)
{
	came_back(f, fd);
	new_fd(fd);
	leave_with(f, fd);
}

#define enter_fopen enter_open
#define enter_stream enter_plain
#define enter_opendir enter_open
#define enter_adopt enter_plain

static inline void
leave_stream(struct frame *f, FILE *stream)
{
	leave_with_fd(f, stream != NULL ? fileno(stream) : -1);
}

#define leave_fopen leave_stream

static inline void
leave_opendir(struct frame *f, DIR *stream)
{
	leave_with_fd(f, stream != NULL ? dirfd(stream) : -1);
}

/* fdopen, fdopendir: the descriptor is the one that was given. */
static inline void
leave_adopt(struct frame *f, const void *stream)
{
	leave_with_fd(f, stream != NULL ? f->fd : -1);
}

static inline void
names_stream(struct frame *f, int fd)
{
	f->fd = fd;
	f->flags = fd >= 0 ? 0 : FDT_EV_NO_FD; /* a stream in memory has none (fmemopen(3)) */
}

static inline void
enter_freopen(struct frame *f, const char *path, FILE *stream)
{
	names_stream(f, stream != NULL ? fileno(stream) : -1);
	enter_open(f, path);
}

#define leave_freopen leave_stream

static inline void
enter_fclose(struct frame *f, FILE *stream)
{
	names_stream(f, stream != NULL ? fileno(stream) : -1);
	enter_plain(f);
}

#define leave_fclose leave_plain

static inline void
enter_closedir(struct frame *f, DIR *stream)
{
	names_stream(f, stream != NULL ? dirfd(stream) : -1);
	enter_plain(f);
}

#define leave_closedir leave_plain

#define enter_inside enter_plain

static inline int64_t
leave_inside(struct frame *f, int64_t ret)
{
	leave_plain(f, ret);
	write_resync();
	return ret;
}

/* What it opens it closes before it returns; what it loads (nss(5)) stays. */
#define enter_lookup enter_open

bool write_objects(void);

static inline int64_t
leave_lookup(struct frame *f, int64_t ret)
{
	leave_plain(f, ret);
	write_objects();
	return ret;
}

static inline void
enter_openpty(struct frame *f)
{
	enter_pair(f);
}

static inline int64_t
leave_openpty(struct frame *f, int64_t ret, const int *first, const int *second)
{
	if (ret < 0)
		return leave_plain(f, ret);
	return leave_pair(f, ret, (int[2]){*first, *second});
}

/* Requests that return a descriptor (ioctl_tty(2), ioctl_ns(2), socket(7)). */
static inline bool
ioctl_makes_fd(uint64_t request)
{
	enum { TIOCGPTPEER_ = 0x5441, SIOCGSKNS_ = 0x894c, NS_GET_USERNS_ = 0xb701, NS_GET_PARENT_ = 0xb702 };

	return request == TIOCGPTPEER_ || request == SIOCGSKNS_ || request == NS_GET_USERNS_ || request == NS_GET_PARENT_;
}

static inline void
enter_ioctl(struct frame *f)
{
	begin(f, ioctl_makes_fd(f->arg) ? fdt_item_bytes(sizeof(int)) : 0);
	begun(f);
}

static inline int64_t
leave_ioctl(struct frame *f, int64_t ret)
{
	int fd = (int)ret;

	came_back(f, ret);
	if (ret >= 0 && ioctl_makes_fd(f->arg)) {
		new_fd(fd);
		if (f->slot != NULL)
			item(f, FDT_ITEM_FDS, &fd, sizeof fd);
	}
	return leave_with(f, ret);
}

static inline void
enter_sleep(struct frame *f, const struct timespec *time)
{
	begin(f, fdt_item_bytes(sizeof(struct fdt_timeout)));
	if (f->slot != NULL)
		timeout_item(f, timespec_ns(time));
	begun(f);
}

#define leave_sleep leave_plain

/* FD_SET and its kin call this when a program is built with _FORTIFY_SOURCE; only the number that aborts it is news. */
static inline void
enter_fdelt(struct frame *f, long number)
{
	if (number >= 0 && number < FD_SETSIZE)
		return;
	enter_plain(f);
}

#define leave_fdelt leave_plain

/* ---- processes ---- */

#define enter_fork enter_plain

void forked_child(void);
void child_attaches(int64_t pid);
void child_arriving(int n);

/* The head belongs to the parent; the child has an event of its own. */
static inline int64_t
leave_fork(struct frame *f, int64_t ret)
{
	if (ret == 0) {
		forked_child();
		return 0;
	}
	if (ret > 0)
		child_attaches(ret);
	return leave_plain(f, ret);
}

/* A child runs what libc does there: posix_spawn(3) returns an error number, and the pid by a pointer. */
#define enter_spawn enter_open

static inline int64_t
leave_spawn(struct frame *f, int64_t ret, const pid_t *pid)
{
	returned(f, ret == 0 && pid != NULL ? *pid : ret == 0 ? 0 : -1, (int)ret);
	return leave_with(f, ret);
}

/* pidfd_spawn (glibc 2.39): a descriptor for the child in the pid's place. */
#define enter_pidspawn enter_open

static inline int64_t
leave_pidspawn(struct frame *f, int64_t ret, const int *pidfd)
{
	returned(f, ret == 0 ? *pidfd : -1, (int)ret);
	if (ret == 0)
		new_fd(*pidfd);
	return leave_with(f, ret);
}

#define enter_command enter_open
#define leave_command leave_plain

/* daemon(3) forks, and its caller goes on in the child. */
static inline void
enter_daemon(struct frame *f)
{
	enter_plain(f);
	child_arriving(1);
}

static inline int64_t
leave_daemon(struct frame *f, int64_t ret)
{
	if (process.header != NULL && self.pid != *process.pid)
		forked_child();
	else
		leave_plain(f, ret);
	child_arriving(-1);
	write_resync();
	return ret;
}

static inline void
enter_forkpty(struct frame *f)
{
	begin(f, fdt_item_bytes(sizeof(int)));
	begun(f);
}

static inline int64_t
leave_forkpty(struct frame *f, int64_t ret, const int *first)
{
	if (ret == 0) {
		forked_child();
		write_resync();
		return 0;
	}
	if (ret > 0)
		child_attaches(ret);
	came_back(f, ret);
	if (ret > 0 && f->slot != NULL)
		item(f, FDT_ITEM_FDS, first, sizeof *first);
	return leave_with(f, ret);
}

#define enter_exec enter_open
#define leave_exec leave_plain
#define enter_fexec enter_plain
#define leave_fexec leave_plain

void exit_begins(void);

static inline void
enter_exit(struct frame *f)
{
	exit_begins();
	enter_plain(f);
}

#endif
