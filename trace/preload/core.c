/* trace/preload/core.c: joining a capture, and the slow ways of core.h.
 *
 * The library joins the capture that the environment names (FDT_ENV) in its constructor, or at the first call when
 * something calls it before that. It opens the file, maps it, and closes it: from then on it holds no descriptor.
 */
#include "preload/shapes.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

enum { FD_SCAN = 1024, SCAN_PIECE = 256, SCAN_SPARE = 32, ARGV_KEPT = 1024, LOOKS_MOST = 100 };
enum { FUTEX_WAIT = 0, FUTEX_WAKE = 1 }; /* linux/futex.h, which musl-gcc does not see */
enum { JOIN_NOT_YET, JOIN_NOW, JOIN_DONE };

#ifdef __GLIBC__
#pragma weak on_exit /* musl has none, and must still be able to load this build */
#pragma weak _r_debug
#endif

static uint32_t no_pid;
struct process process = {.pid = &no_pid};
__thread struct thread self;
function *reals[SYMBOLS];

static _Atomic int joined = JOIN_NOT_YET;
static _Atomic int exit_seen;
static _Atomic uint64_t chunk = FDT_FIRST_SLOTS; /* slots that the next touch takes in */
static _Atomic uint64_t objects_seen;        /* how many objects had ever been loaded when they were written last */
static int main_argc;
static char **main_argv, **main_envp;

/* A call that this libc does not have, made by a program that was built for another. */
static long
not_there(void)
{
	errno = ENOSYS;
	return -1;
}

function *
real_slow(int symbol)
{
	void *found = dlsym(RTLD_NEXT, symbol_names[symbol]);
	function *call = (function *)not_there;

	if (found != NULL)
		memcpy(&call, &found, sizeof found); /* dlsym(3) says why this is not a cast */
	return reals[symbol] = call;
}

/* ---- space ---- */

static void
touch(uint64_t from, uint64_t to)
{
	const uint64_t page = 4096 / FDT_SLOT_SIZE;
	uint64_t first = from & ~(page - 1), last = (to + page - 1) & ~(page - 1);

	/* EINVAL before Linux 5.14: then every page faults by itself, which is slower and no less right. */
	sys3(SYS_madvise, process.slots + first, (last - first) * FDT_SLOT_SIZE, MADV_POPULATE_WRITE);
}

static void
ask_for_space(struct fdt_header *h)
{
	atomic_fetch_add_explicit(&h->want_space, 1, memory_order_release);
	sys3(SYS_futex, &h->want_space, FUTEX_WAKE, 1);
}

/* Waits until the launcher has grown the file. A launcher that is gone, or a full disk, must not stop the program: two
 * seconds at most, and then never again. */
static bool
wait_for_space(struct fdt_header *h, uint64_t end)
{
	struct timespec pause = {0, 50 * 1000 * 1000};

	for (int tries = 0; tries < 40; tries++) {
		uint64_t have = atomic_load_explicit(&h->allocated, memory_order_acquire);

		if (end <= have)
			return true;
		if (end > process.max_slots || atomic_load(&h->launcher_gone))
			return false;
		ask_for_space(h);
		sys4(SYS_futex, &h->allocated, FUTEX_WAIT, (uint32_t)have, &pause); /* its low half */
	}
	atomic_store(&h->launcher_gone, 1);
	return false;
}

bool
make_room(uint64_t end)
{
	struct fdt_header *h = process.header;
	uint64_t have = atomic_load_explicit(&h->allocated, memory_order_acquire), ready, step;

	if (UNLIKELY(end > have) && !wait_for_space(h, end)) {
		uint64_t none = 0;

		atomic_fetch_add(&h->lost, 1);
		atomic_compare_exchange_strong(&h->no_space_from, &none, now());
		return false;
	}
	have = atomic_load_explicit(&h->allocated, memory_order_acquire);
	ready = atomic_load_explicit(&process.ready, memory_order_relaxed);
	if (end <= ready)
		return true; /* another thread did it meanwhile */
	step = atomic_load_explicit(&chunk, memory_order_relaxed);
	atomic_store_explicit(&chunk, FDT_CHUNK_SLOTS, memory_order_relaxed);
	uint64_t to = end + step < have ? end + step : have;
	uint64_t from = ready != 0 && ready < end ? ready : end;

	touch(from >= 64 ? from - 64 : 0, to);
	atomic_store_explicit(&process.ready, to, memory_order_relaxed);
	if (to + FDT_CHUNK_SLOTS > have)
		ask_for_space(h);
	return true;
}

bool
call_is_recorded(unsigned call)
{
	return process.header->only[call / 64] >> (call % 64) & 1;
}

/* ---- what befalls a process ---- */

static void
complete(struct frame *f)
{
	begun(f);
	returned(f, 0, 0);
	done(f);
}

/* A look at the list of loaded objects. New ones stand at its end. */
struct objects {
	uint64_t ever;  /* were loaded so far */
	uint64_t count; /* in the list */
	uint64_t old;   /* at its front, that were written before */
	uint64_t at;    /* those that were passed */
};

static int
count_object(struct dl_phdr_info *info, size_t size, void *objects)
{
	struct objects *all = objects;

	(void)size;
	all->count++;
#ifdef __GLIBC__
	all->ever = info->dlpi_adds;
#else
	(void)info;
	all->ever = all->count; /* musl unloads none */
#endif
	return 0;
}

/* From the first to the last byte that was loaded of an object (dl_iterate_phdr(3)). */
static struct fdt_module
place_of(const struct dl_phdr_info *info)
{
	struct fdt_module m = {info->dlpi_addr, UINT64_MAX, 0};

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uint64_t low = info->dlpi_addr + p->p_vaddr;

		if (p->p_type != PT_LOAD)
			continue;
		m.low = low < m.low ? low : m.low;
		m.high = low + p->p_memsz > m.high ? low + p->p_memsz : m.high;
	}
	return m;
}

static int
write_object(struct dl_phdr_info *info, size_t size, void *objects)
{
	struct objects *all = objects;
	struct frame f = {.call = FDT_CALL_module, .flags = FDT_EV_NO_FD};
	struct fdt_module m;
	char path[PATH_KEPT];
	const char *name = info->dlpi_name;
	size_t length;

	(void)size;
	if (all->at++ < all->old)
		return 0;
	m = place_of(info);
	length = strnlen(name, sizeof path);
	if (all->at == 1) { /* the program itself, which has no name or a relative one; readlink takes no descriptor */
		long n = sys4(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, sizeof path);

		name = path;
		length = n > 0 ? (size_t)n : 0;
	}
	if (length == 0 || name[0] != '/')
		return 0; /* the kernel's own, linux-vdso.so.1 */
	begin(&f, fdt_item_bytes(sizeof m + length));
	if (f.slot != NULL) {
		char content[sizeof m + PATH_KEPT];

		memcpy(content, &m, sizeof m);
		memcpy(content + sizeof m, name, length);
		item(&f, FDT_ITEM_MODULE, content, sizeof m + length);
	}
	complete(&f);
	return 0;
}

/* The objects that were loaded since the last time, for the reader's source lines. Returns whether there were any. */
bool
write_objects(void)
{
	struct objects all = {0};
	uint64_t seen;

	if (process.header == NULL)
		return false;
	dl_iterate_phdr(count_object, &all);
	seen = atomic_exchange(&objects_seen, all.ever);
	if (seen >= all.ever)
		return false;
	all.old = all.ever - seen < all.count ? all.count - (all.ever - seen) : 0;
	dl_iterate_phdr(write_object, &all);
	return true;
}

static int
sock_option(int fd, int option)
{
	int value = 0;
	socklen_t size = sizeof value;

	return sys5(SYS_getsockopt, fd, SOL_SOCKET, option, &value, &size) == 0 ? value : 0;
}

/* An open descriptor that no event made: inherited, or opened inside libc. */
static void
write_found(int fd, int fd_flags)
{
	struct frame f = {.call = FDT_CALL_found, .fd = fd};
	struct fdt_stat what = {.cloexec = (uint8_t)(fd_flags & FD_CLOEXEC)};
	struct stat st;
	char path[PATH_KEPT], link[32] = "/proc/self/fd/";
	long n = 0, fl = sys2(SYS_fcntl, fd, F_GETFL);

	new_fd(fd);
	what.fl = fl >= 0 ? (uint32_t)fl : 0;
	if (sys4(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH) == 0)
		what.mode = st.st_mode & S_IFMT;
	if (S_ISSOCK(what.mode)) {
		what.family = (uint16_t)sock_option(fd, SO_DOMAIN);
		what.type = (uint16_t)sock_option(fd, SO_TYPE);
		what.listening = (uint8_t)sock_option(fd, SO_ACCEPTCONN);
	} else {
		size_t at = strlen(link);
		char digits[12];
		int count = 0;

		for (int rest = fd; count == 0 || rest > 0; rest /= 10)
			digits[count++] = (char)('0' + rest % 10);
		while (count > 0)
			link[at++] = digits[--count];
		n = sys4(SYS_readlinkat, AT_FDCWD, link, path, sizeof path);
	}
	begin(&f, fdt_item_bytes(sizeof what) + 2 * fdt_item_bytes(ADDR_ROOM) + fdt_item_bytes(n > 0 ? (size_t)n : 0));
	if (f.slot != NULL) {
		item(&f, FDT_ITEM_STAT, &what, sizeof what);
		if (n > 0)
			item(&f, FDT_ITEM_PATH, path, (size_t)n);
		if (S_ISSOCK(what.mode)) {
			name_item(&f, FDT_ITEM_LOCAL, SYS_getsockname, fd);
			name_item(&f, FDT_ITEM_PEER, SYS_getpeername, fd);
		}
	}
	complete(&f);
}

/* Asks about the `n` numbers from `first` on at once: poll(2) takes no descriptor itself, and says POLLNVAL of a number that is
 * not open. Where the program's limit on descriptors is lower than n it refuses, and each is asked with fcntl. */
static void
ask_numbers(int first, int n, bool *open)
{
	struct pollfd list[SCAN_PIECE];
	struct timespec none = {0, 0};
	bool polled;

	for (int i = 0; i < n; i++)
		list[i] = (struct pollfd){.fd = first + i};
	polled = sys5(SYS_ppoll, list, n, &none, 0, 0) >= 0;
	for (int i = 0; i < n; i++)
		open[i] = polled ? !(list[i].revents & POLLNVAL) : sys2(SYS_fcntl, first + i, F_GETFD) >= 0;
}

/* Which descriptors are open, and their flags where they are wanted. In pieces: this may run on a thread's small stack. */
static int
scan_table(int32_t *open, int *flags)
{
	int count = 0, last = (int)atomic_load(&process.top_fd) + 64;

	if (flags != NULL || last > FD_SCAN)
		last = FD_SCAN;
	for (int first = 0; first < last; first += SCAN_PIECE) {
		bool there[SCAN_PIECE];
		int n = last - first < SCAN_PIECE ? last - first : SCAN_PIECE;

		ask_numbers(first, n, there);
		for (int i = 0; i < n; i++) {
			if (!there[i])
				continue;
			if (flags != NULL)
				flags[count] = (int)sys2(SYS_fcntl, first + i, F_GETFD);
			open[count++] = first + i;
		}
	}
	return count;
}

/* The arguments with a NUL behind each. Returns how many bytes. */
static size_t
join_arguments(char *text, size_t room)
{
	size_t size = 0;

	for (int i = 0; i < main_argc && size < room; i++) {
		size_t n = strnlen(main_argv[i], room - size - 1) + 1;

		memcpy(text + size, main_argv[i], n - 1);
		size += n;
		text[size - 1] = '\0';
	}
	return size;
}

/* A program image begins: who it is, and every descriptor that it was given. */
static void
write_start(void)
{
	struct frame f = {.call = FDT_CALL_start, .flags = FDT_EV_NO_FD, .arg = (uint64_t)sys1(SYS_getppid, 0)};
	int32_t open[FD_SCAN];
	int flags[FD_SCAN], count = scan_table(open, flags);
	const char *file = (const char *)getauxval(AT_EXECFN);
	char text[ARGV_KEPT];
	size_t size = join_arguments(text, sizeof text), path = file != NULL ? strnlen(file, PATH_KEPT) : 0;

	begin(&f, fdt_item_bytes(path) + fdt_item_bytes(size) + fdt_item_bytes((size_t)count * sizeof open[0]));
	if (f.slot != NULL) {
		item(&f, FDT_ITEM_PATH, file, path);
		item(&f, FDT_ITEM_TEXT, text, size);
		item(&f, FDT_ITEM_FDS, open, (size_t)count * sizeof open[0]);
	}
	complete(&f);
	for (int i = 0; i < count; i++)
		write_found(open[i], flags[i]);
	write_objects();
}

/* The slot comes first: what had returned before it is in the list, and what begins after the list is not. So the table is
 * asked twice, first for how much room the list needs. */
void
write_resync(void)
{
	struct frame f = {.call = FDT_CALL_resync, .flags = FDT_EV_NO_FD};
	int32_t open[FD_SCAN];

	if (process.header == NULL || self.pid == 0)
		return;
	begin(&f, fdt_item_bytes((size_t)(scan_table(open, NULL) + SCAN_SPARE) * sizeof open[0]));
	begun(&f);
	if (f.slot != NULL) {
		size_t count = (size_t)scan_table(open, NULL);

		item(&f, FDT_ITEM_FDS, open, count * sizeof open[0]);
	}
	returned(&f, 0, 0);
	done(&f);
}

void
exit_begins(void)
{
	if (process.header != NULL && self.pid == *process.pid && !self.vforked) {
		if (!atomic_exchange(&exit_seen, 1))
			write_objects();
		write_resync();
	}
}

/* Registered before all others, so called last. An exit that no wrapper saw is a return from main. */
static void
at_exit(int status, void *unused)
{
	struct frame f = {.call = FDT_CALL_exit, .flags = FDT_EV_NO_FD, .arg = (uint64_t)(int64_t)status};

	(void)unused;
	if (atomic_exchange(&exit_seen, 1) || process.header == NULL)
		return;
	write_objects();
	write_resync();
	begin(&f, 0);
	begun(&f);
}

#ifndef __GLIBC__
__attribute__((destructor)) static void
at_unload(void)
{
	at_exit(0, NULL);
}
#endif

/* ---- joining ---- */

static struct fdt_header *
map_capture(const char *path)
{
	struct fdt_header head, *map;
	size_t size;
	long fd = sys4(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC, 0), got;

	if (fd < 0)
		return NULL;
	got = sys4(SYS_pread64, fd, &head, sizeof head, 0);
	if (got != (long)sizeof head || memcmp(head.magic, FDT_MAGIC, sizeof head.magic) != 0 ||
	    head.version != FDT_VERSION || head.calls_hash != FDT_CALLS_HASH || atomic_load(&head.ended)) {
		sys1(SYS_close, fd);
		return NULL;
	}
	/* The mapping is longer than the file: addresses for what the launcher will add. Where address space is limited (RLIMIT_AS)
	 * a shorter one must do. */
	for (;;) {
		size = FDT_HEADER_SIZE + head.max_slots * FDT_SLOT_SIZE;
		long got_map = sys6(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);

		map = (struct fdt_header *)got_map;
		if (!(got_map < 0 && got_map > -4096) || head.max_slots <= FDT_CHUNK_SLOTS)
			break;
		head.max_slots /= 2;
	}
	sys1(SYS_close, fd);
	if ((uintptr_t)map > (uintptr_t)-4096)
		return NULL;
	process.max_slots = head.max_slots;
	return map;
}

/* Tells the launcher that this process holds the mapping, so that it does not cut the file short underneath. */
static void
attach(struct fdt_header *h, uint32_t pid)
{
	for (int i = 0; i < FDT_ATTACHED; i++)
		if (atomic_load_explicit(&h->attached[i], memory_order_relaxed) == pid)
			return;
	for (int i = 0; i < FDT_ATTACHED; i++) {
		uint32_t none = 0;

		if (atomic_compare_exchange_strong(&h->attached[i], &none, pid))
			return;
	}
	atomic_fetch_add(&h->attached_over, 1);
}

/* A parent does it for its child too: it may end before the child has made its first call. */
void
child_attaches(int64_t pid)
{
	if (process.header != NULL && (process.header->flags & FDT_RUN_FORKS))
		attach(process.header, (uint32_t)pid);
}

/* daemon(3): the parent ends within. By `n` more or fewer children are on their way. */
void
child_arriving(int n)
{
	if (process.header != NULL)
		atomic_fetch_add(&process.header->arriving, (uint32_t)n);
}

static bool
make_pid_page(void)
{
	long page = sys6(SYS_mmap, 0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page < 0 && page > -4096)
		return false;
	sys3(SYS_madvise, page, 4096, MADV_WIPEONFORK);
	process.pid = (uint32_t *)page;
	return true;
}

/* Our constructor is the first of all, libc's own included: environ is not set yet, and getenv finds nothing. */
static const char *
find_environment(const char *name)
{
	size_t n = strlen(name);

	for (char **e = main_envp != NULL ? main_envp : environ; e != NULL && *e != NULL; e++)
		if (strncmp(*e, name, n) == 0)
			return *e + n;
	return NULL;
}

/* A program may exec one that is linked with the other libc, and LD_PRELOAD goes with it. There are two builds of this library;
 * the one that is in the wrong place only passes calls on. */
#pragma weak gnu_get_libc_version
extern const char *gnu_get_libc_version(void);

static bool
in_its_own_libc(void)
{
#ifdef __GLIBC__
	return gnu_get_libc_version != NULL;
#else
	return gnu_get_libc_version == NULL;
#endif
}

static void
join(void)
{
	const char *path = in_its_own_libc() ? find_environment(FDT_ENV "=") : NULL;
	struct fdt_header *h;

	/* Now, and not at the first call: that may be in a signal handler. But for those that glibc has since 2.39 only: a dlsym that
	 * fails allocates, and a program's own malloc would be woken here. */
	for (int i = 0; i < SYMBOLS; i++)
		if (i != SYM_pidfd_spawn && i != SYM_pidfd_spawnp)
			real_slow(i);
	if (path == NULL || (h = map_capture(path)) == NULL)
		return;
	/* A program that a child executes, where children are not followed, has nothing to write. */
	if (!(h->flags & FDT_RUN_FORKS) && h->first_pid != 0 && h->first_pid != (uint32_t)sys1(SYS_getpid, 0))
		return;
	if (!make_pid_page())
		return;
	process.slots = (struct fdt_slot *)(void *)((char *)h + FDT_HEADER_SIZE);
	process.tsc = h->clock == FDT_CLOCK_TSC;
	process.data_bytes = h->data_bytes;
	process.all_calls = true;
	for (unsigned i = 1; i < FDT_CALLS; i++)
		process.all_calls &= (h->only[i / 64] >> (i % 64) & 1) != 0;
	process.faults = h->nfaults > 0;
	if (h->reserved > 0) {
		touch(0, h->reserved);
		atomic_store(&process.ready, h->reserved);
	}
	process.header = h;
	*process.pid = (uint32_t)sys1(SYS_getpid, 0);
	self.pid = self.checked = *process.pid;
	self.tid = (uint32_t)sys1(SYS_gettid, 0);
	attach(h, self.pid);
	write_start();
}

static bool
join_once(void)
{
	int state = JOIN_NOT_YET;

	if (atomic_compare_exchange_strong(&joined, &state, JOIN_NOW)) {
		join();
		atomic_store(&joined, JOIN_DONE);
#ifdef __GLIBC__
		if (process.header != NULL && on_exit != NULL)
			on_exit(at_exit, NULL);
#endif
	}
	return process.header != NULL && self.pid != 0;
}

/* glibc hands a constructor what it hands main; musl does not, and the path in the auxiliary vector must do. */
__attribute__((constructor)) static void
constructor(int argc, char **argv, char **envp)
{
	int e = errno;

#ifdef __GLIBC__
	if (in_its_own_libc()) {
		main_argc = argc;
		main_argv = argv;
		main_envp = envp;
	}
#else
	(void)argc;
	(void)argv;
	(void)envp;
#endif
	join_once();
	errno = e;
}

/* ---- dlopen: what it loads is written before the next event of its thread ---- */

void dlopen_begins(void);

__attribute__((visibility("hidden"))) void
dlopen_begins(void)
{
	if (process.header != NULL && !self.vforked) {
		self.looks = LOOKS_MOST;
		self.checked = 0;
	}
}

/* This event may be a signal handler's that interrupted dlopen: while libc changes its list of objects (_r_debug, link.h) it is
 * left alone; and as long as nothing is new, nobody knows whether that is yet to come or the object was loaded before. */
static void
after_dlopen(void)
{
#ifdef __GLIBC__
	bool quiet = _r_debug.r_state == RT_CONSISTENT;
#else
	bool quiet = true; /* it has returned: hand.c */
#endif

	self.looks--;
	if (quiet && write_objects())
		self.looks = 0;
	else if (self.looks > 0)
		self.checked = 0;
}

/* ---- arriving: a thread, a forked child ---- */

static bool
follow_child(uint32_t pid, uint32_t parent)
{
	struct frame f = {.call = FDT_CALL_forked, .flags = FDT_EV_NO_FD, .arg = parent};

	self.pid = pid;
	self.checked = self.vforked ? 0 : pid;
	self.tid = (uint32_t)sys1(SYS_gettid, 0);
	memset(self.counts, 0, sizeof self.counts);
	if (!(process.header->flags & FDT_RUN_FORKS))
		return false;
	begin(&f, 0);
	complete(&f);
	return true;
}

bool
arrive(void)
{
	if (process.header == NULL) {
		if (atomic_load(&joined) == JOIN_DONE || !join_once())
			return false;
	}
	if (self.vforked)
		return (process.header->flags & FDT_RUN_FORKS) != 0;
	if (*process.pid == 0) {
		uint32_t pid = (uint32_t)sys1(SYS_getpid, 0);

		/* The page tables of a shared mapping are not copied by fork(2): this process touches its pages anew. */
		atomic_store(&process.ready, 0);
		atomic_store(&chunk, FDT_FIRST_SLOTS);
		atomic_store(&exit_seen, 0);
		*process.pid = pid;
		attach(process.header, pid);
		if (!follow_child(pid, (uint32_t)sys1(SYS_getppid, 0))) {
			process.header = NULL;
			self.checked = 0;
			return false;
		}
		return true;
	}
	if (self.pid != *process.pid) {
		self.pid = *process.pid;
		self.tid = (uint32_t)sys1(SYS_gettid, 0);
	}
	self.checked = self.pid;
	if (self.looks > 0)
		after_dlopen();
	return true;
}

void
forked_child(void)
{
	int e = errno;

	if (process.header != NULL) {
		*process.pid = 0; /* where the kernel could not wipe it */
		arrive();
	}
	errno = e;
}

/* ---- vfork: the child runs on its parent's memory, thread and all, until it execs or exits ---- */

static __thread struct frame vfork_frame;

void vfork_begins(uint64_t where);
long vfork_returned(long ret);

__attribute__((visibility("hidden"))) void
vfork_begins(uint64_t where)
{
	vfork_frame = (struct frame){.call = FDT_CALL_vfork, .flags = FDT_EV_NO_FD, .where = where};
	enter_plain(&vfork_frame);
}

__attribute__((visibility("hidden"))) long
vfork_returned(long ret)
{
	if (ret == 0) {
		if (process.header != NULL) {
			self.vforked = true;
			follow_child((uint32_t)sys1(SYS_getpid, 0), (uint32_t)sys1(SYS_getppid, 0));
		}
		return 0;
	}
	if (process.header != NULL) {
		self.vforked = false;
		self.pid = *process.pid;
		self.checked = 0; /* its own may have been due */
		self.tid = (uint32_t)sys1(SYS_gettid, 0);
	}
	if (ret < 0)
		errno = (int)-ret;
	ret = ret < 0 ? -1 : ret;
	if (ret > 0)
		child_attaches(ret);
	leave_plain(&vfork_frame, ret);
	return ret;
}
