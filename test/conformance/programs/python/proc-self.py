# What programs read of themselves in /proc.
import os

status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status"))
for name in ("Name", "Umask", "State", "TracerPid", "Uid", "Gid", "FDSize", "Groups", "Threads", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"):
    print(name, status[name].split())
print(os.readlink("/proc/self/cwd"), os.readlink("/proc/self/exe"), os.readlink("/proc/self/root"))
print(open("/proc/self/cmdline", "rb").read(), open("/proc/self/comm").read())
print(open("/proc/self/limits").read())
print(sorted({line.split()[1] for line in open("/proc/self/mounts") if line.split()[1] in ("/workspace", "/tmp", "/dev/shm")}))
print(any("prewarm" in line for line in open("/proc/self/maps")))
