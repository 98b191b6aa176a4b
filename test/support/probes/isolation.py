"""What a hostile program finds out about its jail: one JSON object, a key for each thing that it tries.

An attempt is "ok", the name of the error, or what was found. Nothing here does harm where it gets through.
"""

import ctypes
import errno
import json
import os
import shutil
import socket
import stat
import subprocess

libc = ctypes.CDLL(None, use_errno=True)
# Where a program may write, and /proc's folders of processes, which have a test of their own.
WRITABLE = ("/workspace", "/tmp", "/var/tmp", "/home/sandboxuser", "/dev/shm", "/dev/mqueue")


def attempt(do, *arguments):
    try:
        do(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))
    return "ok"


def system(name, *arguments):
    """A function of libc that returns -1 on failure."""
    ctypes.set_errno(0)
    if getattr(libc, name)(*arguments) != -1:
        return "ok"
    return errno.errorcode[ctypes.get_errno()]


def look(path):
    """What is in a file or folder."""
    try:
        if os.path.isdir(path):
            return os.listdir(path)
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")[:8192]
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error.errno))


def everything(top="/"):
    """Each path below a folder, processes' own in /proc aside."""
    for folder, folders, files in os.walk(top):
        if folder == "/proc":
            folders[:] = [name for name in folders if not name.isdigit() and name not in ("self", "thread-self")]
        folders[:] = [name for name in folders if os.path.join(folder, name) not in WRITABLE]
        for name in folders + files:
            yield os.path.join(folder, name)


def can_write(path):
    mode = os.lstat(path).st_mode
    if stat.S_ISLNK(mode) or stat.S_ISCHR(mode):
        return False
    if not os.access(path, os.W_OK):
        return False
    # /proc and /sys answer access() by the mode alone: only opening tells.
    return stat.S_ISDIR(mode) or attempt(lambda: os.close(os.open(path, os.O_WRONLY | os.O_NONBLOCK))) == "ok"


def whole_file_system():
    seen = {"count": 0, "writable": [], "setuid": [], "capable": [], "sockets": [], "devices": []}
    for path in everything():
        try:
            mode = os.lstat(path).st_mode
            seen["count"] += 1
            if can_write(path):
                seen["writable"].append(path)
            if stat.S_ISREG(mode) and mode & 0o6000:
                seen["setuid"].append(path)
            if stat.S_ISREG(mode) and path.startswith(("/usr", "/opt")) and "security.capability" in os.listxattr(path):
                seen["capable"].append(path)
            if stat.S_ISSOCK(mode):
                seen["sockets"].append(path)
            if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):
                seen["devices"].append(path)
        except FileNotFoundError:
            pass
    return seen


def create(path):
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))


def writes():
    folders = "/ /etc /usr /usr/bin /opt/matchbox /root /var /proc /proc/sys /sys /sys/fs/cgroup /dev /dev/pts".split()
    files = (
        "/etc/passwd /etc/hosts /etc/resolv.conf /opt/matchbox/runner /proc/sysrq-trigger /proc/1/oom_score_adj "
        "/proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/kernel/modprobe /proc/sys/vm/drop_caches "
        "/proc/sys/net/ipv4/ip_forward /proc/irq/default_smp_affinity /sys/kernel/uevent_helper /sys/power/state "
        "/sys/fs/cgroup/release_agent /sys/fs/cgroup/memory/release_agent /sys/fs/cgroup/cgroup.procs "
        "/sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max "
        "/sys/fs/cgroup/devices/devices.allow"
    ).split()
    tried = {f"{folder}/": attempt(create, os.path.join(folder, "made-by-probe")) for folder in folders}
    tried.update({path: attempt(lambda: os.close(os.open(path, os.O_WRONLY))) for path in files})
    return tried


def secrets():
    masked = (
        "/proc/kcore /proc/keys /proc/timer_list /proc/sched_debug /proc/acpi /proc/scsi /proc/interrupts /proc/cmdline "
        "/proc/config.gz /proc/kallsyms /proc/modules /proc/pressure /proc/kmsg /dev/kmsg /sys/firmware /sys/module "
        "/sys/devices/virtual/powercap /sys/devices/virtual/dmi /sys/class/dmi/id/product_uuid "
        "/proc/sys/kernel/random/boot_id /etc/machine-id /var/lib/dbus/machine-id /etc/shadow "
        "/sys/devices/system/cpu/cpu0/thermal_throttle"
    ).split()
    return {path: look(path) for path in masked}


def pid_1():
    parts = "environ cwd root exe fd fdinfo maps mem auxv io stack syscall personality map_files ns task/1/environ".split()
    seen = {}
    for part in parts:
        path = f"/proc/1/{part}"
        seen[part] = attempt(os.readlink, path) if part in ("cwd", "root", "exe") else look(path)
        if part == "ns":
            seen[part] = attempt(os.readlink, "/proc/1/ns/net")
    return seen


def tampering():
    iovec = (ctypes.c_void_p * 2)()
    return {
        "/proc/1/mem": attempt(lambda: open("/proc/1/mem", "r+b")),
        "/proc/1/exe": attempt(lambda: open("/proc/1/exe", "r+b")),
        "/proc/self/exe": attempt(lambda: open("/proc/self/exe", "r+b")),
        "/proc/1/fd/1": attempt(lambda: open("/proc/1/fd/1", "r+b")),
        "ptrace": system("ptrace", 16, 1, 0, 0),
        "process_vm_readv": system("process_vm_readv", 1, iovec, 1, iovec, 1, 0),
        "process_vm_writev": system("process_vm_writev", 1, iovec, 1, iovec, 1, 0),
    }


def descriptors():
    here = os.open("/proc/self/fd", os.O_RDONLY)
    opened = sorted(int(name) for name in os.listdir(here) if int(name) != here)
    # listdir has a copy of its own while it reads.
    opened = [number for number in opened if os.path.exists(f"/proc/self/fd/{number}")]
    os.close(here)
    return {
        "open": opened,
        "chdir": sorted({attempt(os.chdir, f"/proc/self/fd/{number}") for number in range(3, 64)}),
        "chdir of pid 1": sorted({attempt(os.chdir, f"/proc/1/fd/{number}") for number in range(64)}),
    }


def powers():
    copy = "/tmp/copy-of-id"
    shutil.copy("/usr/bin/id", copy)
    os.chmod(copy, 0o6755)
    return {
        "setuid(0)": attempt(os.setuid, 0),
        "setgid(0)": attempt(os.setgid, 0),
        "setgroups": attempt(os.setgroups, [0]),
        "nosuid": [bool(os.statvfs(path).f_flag & os.ST_NOSUID) for path in WRITABLE],
        "nodev": [bool(os.statvfs(path).f_flag & os.ST_NODEV) for path in WRITABLE],
        "setuid copy": subprocess.run([copy, "-u"], capture_output=True, text=True).stdout.strip(),
        "programs": [name for name in ("su", "sudo", "newuidmap", "mount", "pkexec") if can_become_root(name)],
        "real-time": attempt(os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(1)),
        "nice": attempt(os.nice, -1),
        "mlock of 1 MiB": system("mlock", ctypes.create_string_buffer(1 << 20), 1 << 20),
    }


def can_become_root(name):
    if shutil.which(name) is None:
        return False
    command = [name, "--version"] if name in ("mount", "pkexec") else [name, "-c", "id -u"]
    return subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout.strip() == "0"


def devices():
    tried = {}
    for folder in ("/tmp", "/workspace", "/dev/shm", "/dev"):
        for kind, name, numbers in ((stat.S_IFCHR, "memory", (1, 1)), (stat.S_IFBLK, "disk", (8, 0))):
            node = lambda: os.mknod(f"{folder}/{name}", kind | 0o600, os.makedev(*numbers))
            tried[f"{folder} {name}"] = attempt(node)
    tried["unlink /dev/null"] = attempt(os.unlink, "/dev/null")
    tried["symlink in /dev"] = attempt(os.symlink, "/etc/passwd", "/dev/probe")
    tried["rename /dev/null"] = attempt(os.rename, "/dev/null", "/dev/void")
    tried["symlink in /dev/pts"] = attempt(os.symlink, "/etc/passwd", "/dev/pts/probe")
    tried["another's terminal"] = attempt(lambda: open("/dev/pts/0", "r+b"))
    return tried


def connections():
    def unix(path):
        with socket.socket(socket.AF_UNIX) as one:
            one.connect(path)

    paths = "/var/run/docker.sock /run/docker.sock /run/containerd/containerd.sock /run/podman/podman.sock".split()
    tried = {path: attempt(unix, path) for path in paths}
    # Names that other processes of the network namespace listen at.
    with open("/proc/net/unix") as table:
        tried["bound"] = [line.split()[7] for line in table.readlines()[1:] if len(line.split()) > 7]
    return tried


def escapes():
    lines = subprocess.run(["./syscalls", "escapes"], capture_output=True, text=True).stdout.splitlines()
    return dict(line.split("\t") for line in lines)


def status():
    with open("/proc/self/status") as file:
        return dict(line.rstrip("\n").split(":", 1) for line in file)


def identity():
    paths = "/etc/hostname /etc/hosts /etc/resolv.conf /proc/self/mountinfo /proc/self/cgroup /proc/version".split()
    return {"hostname": socket.gethostname(), "environ": dict(os.environ), **{path: look(path) for path in paths}}


# First of all, before anything of ours is open.
FOUND = {"descriptors": descriptors()}
for probe in (
    status,
    whole_file_system,
    writes,
    secrets,
    pid_1,
    tampering,
    powers,
    devices,
    connections,
    escapes,
    identity,
):
    FOUND[probe.__name__] = probe()
# Whatever else can be read of processes: other sandboxes' are not among them.
FOUND["processes"] = {
    pid: [look(f"/proc/{pid}/cmdline"), look(f"/proc/{pid}/environ")] for pid in os.listdir("/proc") if pid.isdigit()
}
print(json.dumps(FOUND))
