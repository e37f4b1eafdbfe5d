"""harness/fdlab/keeper.py: the process between the harness and a server: it sees to it that nothing outlives the harness.

Run by launcher.py as its own small program: keeper.py CONTROL-FD DEADLINE GRACE KEPT-FDS LIMITS TREE PROGRAM ARG...

It stands between them because only a process of its own still acts when the harness is killed with SIGKILL:
- CONTROL-FD is one end of a socket pair. When the harness ends, in whatever way, its end closes, and the keeper kills.
- It is a "child subreaper": a process that the server started and left behind (a daemon, say) becomes the keeper's
  child, not init's, so it is found and killed too, whatever process group it put itself into.
- Should the keeper itself be killed, the program gets SIGKILL from the kernel (PR_SET_PDEATHSIG).
- After DEADLINE seconds it kills, even if the harness hangs.
- It counts: TREE is how many processes and threads, and how many bytes of memory of their own, all of them together may have
  ("2048,2147483648"; 0: any number). Resource limits are for one process, and root is excused from some of them.
GRACE is how long the program itself may outlive what it started: fdtrace needs a moment to close its capture.
LIMITS are resource limits for the program, as "7=1024,9=536870912" (RLIMIT_NOFILE and RLIMIT_AS here).

It says on CONTROL-FD, a line each: "pid N", "exit WAIT-STATUS", "late" (the deadline), "fail ERRNO" (no such program),
"over processes", "over memory" (it has more than TREE), and hears: "signal N" (send it to the program), "end" (kill it).
"""
import ctypes
import errno
import os
import resource
import select
import signal
import sys
import time

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
LOOK = 0.1   # seconds between two counts


def prctl(option, value):
    try:
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # not Linux: the control socket alone must do


def children(pid):
    found = []
    try:
        for tid in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, tid)) as file:
                found += [int(word) for word in file.read().split()]
    except OSError:
        pass
    return found


def descendants(pid):
    found = children(pid)
    for child in found:  # grows while it is walked: a chain of processes may be longer than Python's stack is deep
        found += children(child)
    return found


def over(most_processes, most_memory):
    """What there is too much of below us: "processes", "memory" or ""."""
    processes = memory = 0
    waiting = children(os.getpid())
    for pid in waiting:  # grows while it is walked
        try:
            with open("/proc/%d/status" % pid) as file:
                lines = dict(line.split(":", 1) for line in file if ":" in line)
            processes += int(lines["Threads"])
            for name in ("RssAnon", "RssShmem"):  # libraries and the capture are not its own
                memory += int(lines.get(name, "0 kB").split()[0]) << 10
        except (OSError, KeyError, ValueError):
            pass  # it has ended meanwhile
        if most_processes and processes > most_processes:
            return "processes"
        if most_memory and memory > most_memory:
            return "memory"
        waiting += children(pid)
    return ""


def give_way():
    """When the machine has no memory left, the kernel is to take the program, and not whoever grades it."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def kill(pid, number):
    try:
        os.kill(pid, number)
    except OSError:
        pass


def set_limits(limits):
    for number, value in limits:
        hard = resource.getrlimit(number)[1]
        if hard != resource.RLIM_INFINITY:
            value = min(value, hard)
        resource.setrlimit(number, (value, hard if number == resource.RLIMIT_NOFILE else value))


def start(argv, keep, limits, keeper):
    """Forks and runs the program in a session of its own, with default signals and only `keep` open. Returns its pid;
    an exec that fails is reported through a pipe that exec closes."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writing)
        problem = os.read(reading, 16)
        os.close(reading)
        return pid, int(problem or 0)
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != keeper:
            os._exit(125)  # the keeper died before the line above took effect
        for number in range(1, signal.NSIG):
            try:
                signal.signal(number, signal.SIG_DFL)  # Python ignores SIGPIPE, nohup ignores SIGHUP: not for the server
            except (OSError, ValueError):
                pass
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        last = 2
        for fd in sorted(set(keep) | {writing}):
            os.closerange(last + 1, fd)
            last = fd
        os.closerange(last + 1, 65536)
        for fd in keep:
            os.set_inheritable(fd, True)
        set_limits(limits)
        give_way()
        os.execv(argv[0], argv)
    except (OSError, ValueError) as error:
        os.write(writing, b"%d" % getattr(error, "errno", errno.EINVAL))
    os._exit(127)


def sweep(program, grace):
    """Kills everything that there is below us, and collects it. One that makes more while it is being killed is stopped first."""
    end = time.monotonic() + grace
    before = 0
    below = descendants(os.getpid())
    while len(below) > max(before, 16):
        for pid in below:
            kill(pid, signal.SIGSTOP)
        before, below = len(below), descendants(os.getpid())
    while True:
        below = descendants(os.getpid())
        spare = program if time.monotonic() < end else 0
        for pid in below:
            if pid != spare:
                kill(pid, signal.SIGKILL)
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            time.sleep(0.002)  # they are dying; there is nothing to wait on but their end
        elif pid == program:
            end = 0.0


def main():
    control, deadline, grace = int(sys.argv[1]), time.monotonic() + float(sys.argv[2]), float(sys.argv[3])
    keep = [int(word) for word in sys.argv[4].split(",") if word]
    limits = [tuple(map(int, word.split("="))) for word in sys.argv[5].split(",") if word]
    tree = [int(word) for word in sys.argv[6].split(",")]
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)  # we end when the harness ends, not before

    def say(text):
        try:
            os.write(control, text.encode() + b"\n")
        except OSError:
            pass  # nobody listens any more; poll() says so too

    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    program, problem = start(sys.argv[7:], keep, limits, os.getpid())
    try:
        os.setpriority(os.PRIO_PROCESS, 0, -15)  # so that we have our turn among hundreds; who may not do that has RLIMIT_NPROC
    except OSError:
        pass
    for fd in [0, 1, 2] + keep:
        os.close(fd)  # the harness reads to end of file: it must come when the program's ends are closed, not ours
    if problem:
        say("fail %d" % problem)
    else:
        say("pid %d" % program)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(woken, select.POLLIN)
    ended = told = False
    heard = b""
    next_look = time.monotonic() + LOOK
    while not told:
        now = time.monotonic()
        if now >= deadline:
            say("late")
            break
        if any(tree) and now >= next_look:
            much = over(*tree)
            if much:
                say("over " + much)
                kill(program, signal.SIGKILL)  # with a sandbox, all that is in it dies of this
                grace = 0.0
                break
            next_look = time.monotonic() + LOOK
        wait = min(deadline, next_look) - now if any(tree) else deadline - now
        ready = [fd for fd, _ in poll.poll(max(wait, 0) * 1000 + 1)]
        if woken in ready:
            os.read(woken, 4096)
            while True:
                try:
                    pid, status = os.waitpid(-1, os.WNOHANG)
                except ChildProcessError:
                    break
                if pid == 0:
                    break
                if pid == program:
                    ended = True
                    say("exit %d" % status)
        if control in ready:
            try:
                more = os.read(control, 4096)
            except OSError:
                more = b""
            if not more:
                break
            heard += more
            while b"\n" in heard:
                line, heard = heard.split(b"\n", 1)
                word = line.split()
                if len(word) == 2 and word[0] == b"signal" and not ended:
                    kill(program, int(word[1]))
                elif word == [b"end"]:
                    told, grace = True, 0.0
    sweep(0 if ended else program, grace)


if __name__ == "__main__":
    main()
