"""Looks for canaries in everything that a program can open; prints each one and where it was."""

import os
import re
import stat

CANARY = re.compile(rb"canary-[a-z]+-[0-9a-f]{32}")
FOLDERS = ["/workspace", "/home", "/tmp", "/dev", "/run", "/var", "/etc", "/root", "/mnt", "/srv", "/opt", "/sys/fs"]
MOST_BYTES = 1 << 20
looked = 0


def look(path):
    global looked
    found = CANARY.findall(os.fsencode(path))
    try:
        if os.path.islink(path):
            found += CANARY.findall(os.fsencode(os.readlink(path)))
        # Neither a pipe without a writer nor a device may hold up the hunt.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            # The program's own output is a pipe, and reading it would take from what it has said.
            if not stat.S_ISFIFO(os.fstat(fd).st_mode):
                found += CANARY.findall(os.read(fd, MOST_BYTES))
                looked += 1
        finally:
            os.close(fd)
    except OSError:
        pass
    for canary in found:
        print(canary.decode(), path)


def look_below(folder):
    for place, folders, files in os.walk(folder):
        for name in files:
            look(os.path.join(place, name))


for folder in FOLDERS:
    look_below(folder)
for name in os.listdir("/proc"):
    path = os.path.join("/proc", name)
    if not name.isdigit():
        if os.path.isfile(path):
            look(path)
        continue
    for entry in ["environ", "cmdline", "maps", "mountinfo", "status", "comm", "cgroup", "stack", "exe"]:
        look(os.path.join(path, entry))
    for folder in ["fd", "cwd", "root/workspace", "root/tmp"]:
        look_below(os.path.join(path, folder))
for name, value in os.environ.items():
    for canary in CANARY.findall(f"{name}={value}".encode()):
        print(canary.decode(), "environment")
print("looked at", looked)
