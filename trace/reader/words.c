/* trace/reader/words.c: tables of names. A row is enough to add one; what a system does not have is left out by #ifdef. */
#include "reader/words.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define ROW(name) {name, #name}
#define END {0, NULL}

struct row {
	int64_t value;
	const char *name;
};

/* Flags: rows are tried in order, so a flag of several bits stands before its parts. The first `choice` bits are a number. */
struct words {
	const char *how;
	const struct row *rows;
	int64_t choice; /* bits in which the value is one of the rows; the others are flags. -1: all of them */
};

static const struct row families[] = {ROW(AF_UNSPEC), ROW(AF_UNIX), ROW(AF_INET), ROW(AF_INET6), ROW(AF_NETLINK), ROW(AF_PACKET), END};

static const struct row socks[] = {ROW(SOCK_STREAM), ROW(SOCK_DGRAM), ROW(SOCK_RAW), ROW(SOCK_SEQPACKET),
	ROW(SOCK_NONBLOCK), ROW(SOCK_CLOEXEC), END};

static const struct row opens[] = {ROW(O_RDONLY), ROW(O_WRONLY), ROW(O_RDWR), ROW(O_CREAT), ROW(O_EXCL), ROW(O_NOCTTY),
	ROW(O_TRUNC), ROW(O_APPEND), ROW(O_NONBLOCK), ROW(O_CLOEXEC),
#ifdef O_TMPFILE
	ROW(O_TMPFILE),
#endif
	ROW(O_DIRECTORY), ROW(O_NOFOLLOW), ROW(O_SYNC), ROW(O_DSYNC),
#ifdef O_PATH
	ROW(O_PATH), ROW(O_DIRECT), ROW(O_NOATIME),
#endif
	{0100000, "O_LARGEFILE"}, END};

static const struct row messages[] = {ROW(MSG_OOB), ROW(MSG_PEEK), ROW(MSG_DONTROUTE), ROW(MSG_CTRUNC), ROW(MSG_TRUNC),
	ROW(MSG_DONTWAIT), ROW(MSG_EOR), ROW(MSG_WAITALL), ROW(MSG_NOSIGNAL), ROW(MSG_MORE), ROW(MSG_CMSG_CLOEXEC), END};

static const struct row shuts[] = {ROW(SHUT_RD), ROW(SHUT_WR), ROW(SHUT_RDWR), END};

static const struct row commands[] = {ROW(F_DUPFD), ROW(F_GETFD), ROW(F_SETFD), ROW(F_GETFL), ROW(F_SETFL), ROW(F_GETLK),
	ROW(F_SETLK), ROW(F_SETLKW), ROW(F_SETOWN), ROW(F_GETOWN), {1030, "F_DUPFD_CLOEXEC"}, {1031, "F_SETPIPE_SZ"},
	{1032, "F_GETPIPE_SZ"}, {1033, "F_ADD_SEALS"}, {1034, "F_GET_SEALS"}, END};

static const struct row levels[] = {ROW(SOL_SOCKET), ROW(IPPROTO_IP), ROW(IPPROTO_TCP), ROW(IPPROTO_UDP), ROW(IPPROTO_IPV6), END};

static const struct row options[] = {ROW(SO_DEBUG), ROW(SO_REUSEADDR), ROW(SO_TYPE), ROW(SO_ERROR), ROW(SO_DONTROUTE),
	ROW(SO_BROADCAST), ROW(SO_SNDBUF), ROW(SO_RCVBUF), ROW(SO_KEEPALIVE), ROW(SO_OOBINLINE), ROW(SO_LINGER),
	ROW(SO_REUSEPORT), ROW(SO_PASSCRED), ROW(SO_PEERCRED), ROW(SO_RCVLOWAT), ROW(SO_SNDLOWAT), ROW(SO_RCVTIMEO),
	ROW(SO_SNDTIMEO), ROW(SO_ACCEPTCONN), ROW(SO_PROTOCOL), ROW(SO_DOMAIN), END};

static const struct row tcp_options[] = {ROW(TCP_NODELAY), ROW(TCP_MAXSEG), ROW(TCP_CORK), ROW(TCP_KEEPIDLE),
	ROW(TCP_KEEPINTVL), ROW(TCP_KEEPCNT), ROW(TCP_SYNCNT), ROW(TCP_LINGER2), ROW(TCP_DEFER_ACCEPT), ROW(TCP_WINDOW_CLAMP),
	ROW(TCP_INFO), ROW(TCP_QUICKACK), ROW(TCP_CONGESTION), ROW(TCP_USER_TIMEOUT), ROW(TCP_FASTOPEN), END};

static const struct row ip_options[] = {ROW(IP_TOS), ROW(IP_TTL), ROW(IP_PKTINFO), ROW(IP_RECVERR), END};
static const struct row ip6_options[] = {ROW(IPV6_V6ONLY), ROW(IPV6_UNICAST_HOPS), END};

static const struct row epoll_ops[] = {ROW(EPOLL_CTL_ADD), ROW(EPOLL_CTL_DEL), ROW(EPOLL_CTL_MOD), END};

static const struct row polls[] = {ROW(POLLIN), ROW(POLLPRI), ROW(POLLOUT), ROW(POLLERR), ROW(POLLHUP), ROW(POLLNVAL),
	{0x40, "POLLRDNORM"}, {0x80, "POLLRDBAND"}, {0x100, "POLLWRNORM"}, {0x200, "POLLWRBAND"}, {0x2000, "POLLRDHUP"}, END};

static const struct row epolls[] = {ROW(EPOLLIN), ROW(EPOLLPRI), ROW(EPOLLOUT), ROW(EPOLLERR), ROW(EPOLLHUP), ROW(EPOLLRDHUP),
	ROW(EPOLLRDNORM), ROW(EPOLLRDBAND), ROW(EPOLLWRNORM), ROW(EPOLLWRBAND), ROW(EPOLLEXCLUSIVE), ROW(EPOLLWAKEUP),
	ROW(EPOLLONESHOT), {(int64_t)(uint32_t)EPOLLET, "EPOLLET"}, END};

static const struct words tables[] = {
	{"af", families, -1},
	{"sock", socks, 0xf},
	{"open", opens, O_ACCMODE},
	{"flag", opens, 0}, /* the same for calls that open no file: O_RDONLY would be noise */
	{"msg", messages, 0},
	{"shut", shuts, -1},
	{"fcntl", commands, -1},
	{"sol", levels, -1},
	{"so", options, -1},
	{"epoll", epoll_ops, -1},
};

static const char *
row_name(const struct row *rows, int64_t value)
{
	for (; rows->name != NULL; rows++)
		if (rows->value == value)
			return rows->name;
	return NULL;
}

/* What has no name comes at the end, as a number. */
static void
out_flags(struct out *o, const struct words *words, int64_t value)
{
	int64_t left = value & ~words->choice;
	const char *name = words->choice != 0 ? row_name(words->rows, value & words->choice) : NULL;
	size_t start = out_length(o);

	/* O_RDONLY is 0: it is worth a word only when it is alone, or a file is opened. SOCK_ types are above 0. */
	if (name != NULL)
		out_text(o, name);
	else
		left = value;
	for (const struct row *row = words->rows; row->name != NULL; row++) {
		if (row->value == 0 || (row->value & words->choice) != 0 || (left & row->value) != row->value)
			continue;
		if (out_length(o) > start)
			out_char(o, '|');
		out_text(o, row->name);
		left &= ~row->value;
	}
	if (left == 0 && out_length(o) > start)
		return;
	if (out_length(o) > start)
		out_char(o, '|');
	if (left == 0)
		out_char(o, '0');
	else
		out_hex(o, (uint64_t)left);
}

static const char *
option_name(int64_t option, int64_t level)
{
	switch (level) {
	case SOL_SOCKET: return row_name(options, option);
	case IPPROTO_TCP: return row_name(tcp_options, option);
	case IPPROTO_IP: return row_name(ip_options, option);
	case IPPROTO_IPV6: return row_name(ip6_options, option);
	default: return NULL;
	}
}

static const struct words *
table_of(const char *how)
{
	for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
		if (strcmp(tables[i].how, how) == 0)
			return &tables[i];
	return NULL;
}

void
out_word(struct out *o, const char *how, int64_t value, int64_t level)
{
	const struct words *words;
	const char *name;

	if (how[0] == 'i') { /* int: most of all arguments */
		out_number(o, value);
		return;
	}
	words = table_of(how);
	if (words != NULL && words->choice != -1) {
		out_flags(o, words, value);
		return;
	}
	name = words == NULL ? NULL : words->rows == options ? option_name(value, level) : row_name(words->rows, value);
	if (name != NULL)
		out_text(o, name);
	else if (strcmp(how, "hex") == 0)
		out_hex(o, (uint64_t)value);
	else if (strcmp(how, "octal") == 0)
		out_octal(o, (uint64_t)value & 0xffffffff);
	else
		out_number(o, value);
}

void
out_poll_events(struct out *o, int events)
{
	static const struct words words = {"", polls, 0};

	out_flags(o, &words, events & 0xffff);
}

void
out_epoll_events(struct out *o, uint32_t events)
{
	static const struct words words = {"", epolls, 0};

	out_flags(o, &words, events);
}

/* ---- errors and signals ---- */

static const struct row errors[] = {ROW(EPERM), ROW(ENOENT), ROW(ESRCH), ROW(EINTR), ROW(EIO), ROW(ENXIO), ROW(E2BIG),
	ROW(ENOEXEC), ROW(EBADF), ROW(ECHILD), ROW(EAGAIN), ROW(ENOMEM), ROW(EACCES), ROW(EFAULT), ROW(EBUSY), ROW(EEXIST),
	ROW(EXDEV), ROW(ENODEV), ROW(ENOTDIR), ROW(EISDIR), ROW(EINVAL), ROW(ENFILE), ROW(EMFILE), ROW(ENOTTY), ROW(ETXTBSY),
	ROW(EFBIG), ROW(ENOSPC), ROW(ESPIPE), ROW(EROFS), ROW(EMLINK), ROW(EPIPE), ROW(EDOM), ROW(ERANGE), ROW(EDEADLK),
	ROW(ENAMETOOLONG), ROW(ENOLCK), ROW(ENOSYS), ROW(ENOTEMPTY), ROW(ELOOP), ROW(EPROTO), ROW(EBADMSG), ROW(EOVERFLOW),
	ROW(EILSEQ), ROW(EUSERS), ROW(ENOTSOCK), ROW(EDESTADDRREQ), ROW(EMSGSIZE), ROW(EPROTOTYPE), ROW(ENOPROTOOPT),
	ROW(EPROTONOSUPPORT), ROW(ESOCKTNOSUPPORT), ROW(EOPNOTSUPP), ROW(EPFNOSUPPORT), ROW(EAFNOSUPPORT), ROW(EADDRINUSE),
	ROW(EADDRNOTAVAIL), ROW(ENETDOWN), ROW(ENETUNREACH), ROW(ENETRESET), ROW(ECONNABORTED), ROW(ECONNRESET), ROW(ENOBUFS),
	ROW(EISCONN), ROW(ENOTCONN), ROW(ESHUTDOWN), ROW(ETIMEDOUT), ROW(ECONNREFUSED), ROW(EHOSTDOWN), ROW(EHOSTUNREACH),
	ROW(EALREADY), ROW(EINPROGRESS), ROW(ESTALE), ROW(EDQUOT), ROW(ECANCELED), ROW(EOWNERDEAD), ROW(ENOTRECOVERABLE), END};

const char *
error_name(int error)
{
	const char *name = row_name(errors, error);
	static char number[16]; /* of an error without a name; one at a time is enough */

	if (name != NULL)
		return name;
	struct out o = {.start = number, .at = number, .end = number + sizeof number, .fd = -1};

	out_text(&o, "errno ");
	out_number(&o, (uint16_t)error);
	*o.at = '\0';
	return number;
}

const char *
error_words(int error)
{
	return strerror(error); /* fdtrace never calls setlocale for messages */
}

static const struct row signals[] = {ROW(SIGHUP), ROW(SIGINT), ROW(SIGQUIT), ROW(SIGILL), ROW(SIGTRAP), ROW(SIGABRT), ROW(SIGBUS),
	ROW(SIGFPE), ROW(SIGKILL), ROW(SIGUSR1), ROW(SIGSEGV), ROW(SIGUSR2), ROW(SIGPIPE), ROW(SIGALRM), ROW(SIGTERM), ROW(SIGCHLD),
	ROW(SIGCONT), ROW(SIGSTOP), ROW(SIGTSTP), ROW(SIGTTIN), ROW(SIGTTOU), ROW(SIGURG), ROW(SIGXCPU), ROW(SIGXFSZ),
	ROW(SIGVTALRM), ROW(SIGPROF), ROW(SIGWINCH), ROW(SIGIO), ROW(SIGSYS), END};

const char *
signal_name(int sig)
{
	const char *name = row_name(signals, sig);

	return name != NULL ? name : "a signal without a name";
}
