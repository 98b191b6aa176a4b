"""PID 1 of a small virtual machine: makes sandboxes as an engine does, under one version of the control groups.

The kernel's command line says which (`cgroups=v1`, `v2` or `hybrid`). Reads `/cases.json`: for each case the arguments of
the runner, limits, and what to send once the runner is ready, in hexadecimal. Prints a line `RESULT {...}` for each, with
everything that the runner sent, and turns the machine off.
"""

import ctypes
import json
import os
import select
import struct
import time

CGROUPS = "/sys/fs/cgroup"
SANDBOX_USER = 10001
RUNNER = "/opt/matchbox/runner"
READY, EXIT, FAILED = 0x81, 0x88, 0x89
CASE_TIMEOUT_S = 300
CONTROLLERS = ("memory", "pids", "cpu,cpuacct")
READONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND, REC, PRIVATE = 1, 2, 4, 8, 32, 4096, 16384, 1 << 18
DETACH = 2
libc = ctypes.CDLL(None, use_errno=True)


def mount(source, target, kind, flags=0, data=""):
    os.makedirs(target, exist_ok=True)
    if libc.mount(source.encode(), target.encode(), kind.encode(), flags, data.encode()) != 0:
        raise OSError(ctypes.get_errno(), f"mount {kind} {target}")


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def mount_cgroups(version):
    """What a host of this kind has below /sys/fs/cgroup. @returns the places of mounts, outermost first"""
    if version == "v2":
        mount("cgroup2", CGROUPS, "cgroup2")
        return [CGROUPS]
    mount("tmpfs", CGROUPS, "tmpfs")
    places = [f"{CGROUPS}/{controller}" for controller in CONTROLLERS]
    for place, controller in zip(places, CONTROLLERS):
        mount("cgroup", place, "cgroup", data=controller)
    if version == "hybrid":
        places.append(f"{CGROUPS}/unified")
        mount("cgroup2", places[-1], "cgroup2")
    return places


class Group:
    """The control group of one sandbox, in every hierarchy that there is."""

    def __init__(self, version, name, memory, processes):
        hierarchies = {"v1": CONTROLLERS, "v2": [""], "hybrid": [*CONTROLLERS, "unified"]}[version]
        self.folders = [os.path.join(CGROUPS, hierarchy, name) for hierarchy in hierarchies]
        for folder in self.folders:
            os.mkdir(folder)
        if version == "v2":
            write(f"{self.folders[0]}/memory.max", str(memory))
            write(f"{self.folders[0]}/pids.max", str(processes))
        else:
            write(f"{self.folders[0]}/memory.limit_in_bytes", str(memory))
            write(f"{self.folders[1]}/pids.max", str(processes))

    def join(self):
        for folder in self.folders:
            write(f"{folder}/cgroup.procs", str(os.getpid()))

    def remove(self):
        for folder in self.folders:
            os.rmdir(folder)


def become_sandbox(group, version, command):
    """From a child of ours to PID 1 of a container: what an engine's runtime does, as far as the runner can tell."""
    group.join()
    os.unshare(os.CLONE_NEWPID | os.CLONE_NEWNS | os.CLONE_NEWCGROUP | os.CLONE_NEWIPC | os.CLONE_NEWUTS)
    child = os.fork()
    if child != 0:
        os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) & 255)
    mount("none", "/", "", REC | PRIVATE)
    mount("proc", "/proc", "proc", NOSUID | NODEV | NOEXEC)
    # Seen from inside the namespace, the group is the root: the engine mounts it anew, and read-only.
    libc.umount2(CGROUPS.encode(), DETACH)
    for place in mount_cgroups(version):
        mount("none", place, "", REMOUNT | BIND | READONLY)
    owner = f"uid={SANDBOX_USER},gid={SANDBOX_USER},mode=0700"
    mount("tmpfs", "/workspace", "tmpfs", NOSUID | NODEV, owner)
    mount("tmpfs", "/home/sandboxuser", "tmpfs", NOSUID | NODEV, owner)
    mount("tmpfs", "/tmp", "tmpfs", NOSUID | NODEV, "mode=1777")
    mount("tmpfs", "/dev/shm", "tmpfs", NOSUID | NODEV, "mode=1777")
    os.chdir("/workspace")
    os.setgroups([])
    os.setresgid(SANDBOX_USER, SANDBOX_USER, SANDBOX_USER)
    os.setresuid(SANDBOX_USER, SANDBOX_USER, SANDBOX_USER)
    libc.prctl(38, 1, 0, 0, 0)  # PR_SET_NO_NEW_PRIVS
    environment = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/home/sandboxuser", "LANG": "C.UTF-8"}
    os.execve(RUNNER, [RUNNER, *command], environment)


def frames(data):
    at = 0
    while at + 5 <= len(data):
        kind, length = data[at], struct.unpack_from(">I", data, at + 1)[0]
        if at + 5 + length > len(data):
            return
        yield kind
        at += 5 + length


def run_case(number, case, version):
    group = Group(version, f"sandbox-{number}", case["memoryBytes"], case["pids"])
    to_runner, from_runner = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(to_runner[0], 0)
        os.dup2(from_runner[1], 1)
        os.closerange(3, 64)
        try:
            become_sandbox(group, version, case["command"])
        except BaseException as error:
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
            os._exit(99)
    os.close(to_runner[0])
    os.close(from_runner[1])
    said, sent = b"", False
    deadline = time.monotonic() + CASE_TIMEOUT_S
    while select.select([from_runner[0]], [], [], max(0, deadline - time.monotonic()))[0]:
        chunk = os.read(from_runner[0], 65536)
        if chunk == b"":
            break
        said += chunk
        seen = list(frames(said))
        if READY in seen and not sent:
            os.write(to_runner[1], bytes.fromhex(case["input"]))
            sent = True
        if EXIT in seen or FAILED in seen:
            break
    os.close(to_runner[1])
    os.close(from_runner[0])
    os.waitpid(child, 0)
    # What it killed may take a moment longer.
    for _ in range(200):
        try:
            group.remove()
            break
        except OSError:
            time.sleep(0.05)
    return {"name": case["name"], "said": said.hex()}


def main():
    mount("proc", "/proc", "proc")
    mount("sysfs", "/sys", "sysfs")
    mount("devtmpfs", "/dev", "devtmpfs")
    words = dict(word.partition("=")[::2] for word in open("/proc/cmdline").read().split())
    version = words["cgroups"]
    mount_cgroups(version)
    if version == "v2":
        write(f"{CGROUPS}/cgroup.subtree_control", "+memory +pids +cpu")
    for number, case in enumerate(json.load(open("/cases.json"))):
        print("RESULT", json.dumps(run_case(number, case, version)), flush=True)


try:
    main()
except BaseException as error:
    print("BROKEN", f"{type(error).__name__}: {error}", flush=True)
finally:
    os.sync()
    libc.reboot(0x4321FEDC)  # RB_POWER_OFF
    time.sleep(60)
