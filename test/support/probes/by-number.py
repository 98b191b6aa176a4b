"""
Changes what a process may have of the machine (priority, policy, processors, I/O class, limits), naming the process by
its number, and prints one line for each call: what it was, a tab, and "ok" or the error.

Usage: by-number.py self|first. `self` names the process itself, one of its threads, a child and its own group; `first`
names PID 1 in every way there is, and prints what PID 1 has before and after.
"""

import ctypes
import errno
import os
import resource
import struct
import sys
import threading

NUMBERS = {
    # prlimit64 setpriority getpriority ioprio_set ioprio_get sched_setparam sched_setscheduler sched_setaffinity sched_setattr
    "x86_64": (302, 141, 140, 251, 252, 142, 144, 203, 314),
    "aarch64": (261, 140, 141, 30, 31, 118, 119, 122, 274),
}
(PRLIMIT, SETPRIORITY, GETPRIORITY, IOPRIO_SET, IOPRIO_GET, SETPARAM, SETSCHEDULER, SETAFFINITY, SETATTR) = NUMBERS[
    os.uname().machine
]
# The kernel takes the low half of a pid for the whole.
HIGH = 1 << 32
OTHER, BATCH, IDLE = 0, 3, 5
BEST_EFFORT, IDLE_CLASS = 2 << 13, 3 << 13
libc = ctypes.CDLL(None, use_errno=True)


def call(name, number, *arguments):
    pointers = [ctypes.create_string_buffer(a, len(a)) if isinstance(a, bytes) else ctypes.c_ulong(a) for a in arguments]
    result = libc.syscall(ctypes.c_long(number), *pointers)
    print(f"{name}\t{'ok' if result >= 0 else errno.errorcode[ctypes.get_errno()]}")


def priority(value=0):
    return struct.pack("i", value)


def attributes(policy, nice=0):
    return struct.pack("IIQiIQQQ", 48, policy, 0, nice, 0, 0, 0, 0)


def limits(pid, which):
    soft, hard = resource.prlimit(os.getpid() if pid & 0xFFFFFFFF != 1 else 1, which)
    unlimited = (1 << 64) - 1
    return struct.pack("QQ", soft & unlimited, hard & unlimited)


def change(name, pid):
    """Everything that takes the number of a process. What is set is what is there already, or what everybody may have."""
    processors = os.sched_getaffinity(0)
    mask = struct.pack("128s", sum(1 << cpu for cpu in processors).to_bytes(128, "little"))
    for policy in (OTHER, BATCH, OTHER):
        call(f"sched_setscheduler({name}, {policy})", SETSCHEDULER, pid, policy, priority())
    call(f"sched_setscheduler({name}, FIFO)", SETSCHEDULER, pid, 1, priority(1))
    call(f"sched_setparam({name}, 0)", SETPARAM, pid, priority())
    call(f"sched_setparam({name}, 1)", SETPARAM, pid, priority(1))
    call(f"sched_setattr({name})", SETATTR, pid, attributes(OTHER, 3), 0)
    call(f"sched_setattr({name}, DEADLINE)", SETATTR, pid, attributes(6), 0)
    call(f"sched_setaffinity({name})", SETAFFINITY, pid, 128, mask)
    call(f"sched_setaffinity({name}, none)", SETAFFINITY, pid, 128, bytes(128))
    call(f"setpriority({name}, 5)", SETPRIORITY, 0, pid, 5)
    call(f"setpriority({name}, -5)", SETPRIORITY, 0, pid, (1 << 64) - 5)
    call(f"ioprio_set({name}, best effort)", IOPRIO_SET, 1, pid, BEST_EFFORT | 7)
    call(f"ioprio_set({name}, idle)", IOPRIO_SET, 1, pid, IDLE_CLASS)
    for which in range(16):
        call(f"prlimit64({name}, {which}, ask)", PRLIMIT, pid, which, 0, bytes(16))
        call(f"prlimit64({name}, {which}, set)", PRLIMIT, pid, which, limits(pid, which), 0)


def change_group(name, group):
    call(f"setpriority(group of {name})", SETPRIORITY, 1, group, 6)
    call(f"ioprio_set(group of {name})", IOPRIO_SET, 2, group, BEST_EFFORT | 6)


def myself():
    change("itself", os.getpid())
    change("itself, high bits", HIGH | os.getpid())
    change("the caller", 0)
    thread = threading.Thread(target=lambda: change("its thread", threading.get_native_id()))
    thread.start()
    thread.join()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(writer)
        os.read(reader, 1)
        os._exit(0)
    change("its child", child)
    # From here there is no way back without privileges.
    call("sched_setscheduler(its child, IDLE)", SETSCHEDULER, child, IDLE, priority())
    os.close(writer)
    os.waitpid(child, 0)
    change("nobody", 4_000_001)
    change("an odd number of nobody's", 99_999)
    change("a negative number", (1 << 32) - 5)
    os.setpgid(0, 0) if os.getpgrp() != os.getpid() else None
    change_group("itself", os.getpgrp())
    change_group("the caller", 0)
    print(os.getpriority(os.PRIO_PROCESS, os.getpid()), os.sched_getscheduler(os.getpid()))
    print(libc.syscall(IOPRIO_GET, 1, os.getpid()))


def state_of_first():
    pid = 1
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return [
        ("group, session", fields[2], fields[3]),
        ("priority, nice, real-time priority, policy", fields[15], fields[16], fields[37], fields[38]),
        ("scheduler", os.sched_getscheduler(pid), os.sched_getparam(pid).sched_priority),
        ("processors", sorted(os.sched_getaffinity(pid))),
        ("I/O", libc.syscall(IOPRIO_GET, 1, pid)),
        ("limits", [resource.prlimit(pid, which) for which in range(16)]),
        *((name, open(f"/proc/{pid}/{name}").read()) for name in ("oom_score_adj", "cgroup", "comm")),
    ]


def first():
    before = state_of_first()
    for name, pid in (("PID 1", 1), ("PID 1, high bits", HIGH | 1), ("PID 1, all high bits", ((1 << 32) - 1 << 32) | 1)):
        change(name, pid)
        change_group(name, pid)
        call(f"sched_setscheduler({name}, IDLE)", SETSCHEDULER, pid, IDLE, priority())
    for name, user in (("its user", os.getuid()), ("the caller's user", 0), ("its user, high bits", HIGH | os.getuid())):
        call(f"setpriority({name})", SETPRIORITY, 2, user, 7)
        call(f"setpriority({name}, high bits)", SETPRIORITY, HIGH | 2, user, 7)
        call(f"ioprio_set({name})", IOPRIO_SET, 3, user, BEST_EFFORT | 5)
        call(f"ioprio_set({name}, high bits)", IOPRIO_SET, HIGH | 3, user, BEST_EFFORT | 5)
    for name, attempt in (
        ("setpgid(the caller, PID 1's group)", lambda: os.setpgid(0, 1)),
        ("setpgid(PID 1)", lambda: os.setpgid(1, os.getpid())),
        ("core scheduling of PID 1", lambda: prctl(62, 1, 1, 0, 0)),
        ("core scheduling shared to PID 1", lambda: prctl(62, 2, 1, 0, 0)),
    ):
        try:
            attempt()
            print(f"{name}\tok")
        except OSError as error:
            print(f"{name}\t{errno.errorcode[error.errno]}")
    for folder in ("/proc/1", "/proc/1/task/1", "/proc/1/attr"):
        for name in sorted(os.listdir(folder)):
            path = f"{folder}/{name}"
            if os.path.isdir(path):
                continue
            try:
                with open(path, "wb", buffering=0) as file:
                    file.write(b"0")
                print(f"write {path}\tok")
            except OSError as error:
                print(f"write {path}\t{errno.errorcode[error.errno]}")
    after = state_of_first()
    print(f"PID 1 is what it was\t{'ok' if before == after else f'{before} {after}'}")


def prctl(*arguments):
    if libc.prctl(*map(ctypes.c_ulong, arguments)) < 0:
        raise OSError(ctypes.get_errno(), "prctl")


{"self": myself, "first": first}[sys.argv[1]]()
print("end\tok")
