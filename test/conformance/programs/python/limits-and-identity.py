# Who and where the program is, and what it may use.
import getpass
import grp
import os
import pwd
import resource
import socket
import stat

print(os.getuid(), os.getgid(), os.getgroups(), os.getresuid(), getpass.getuser(), pwd.getpwuid(os.getuid()), grp.getgrgid(os.getgid()).gr_name)
print(os.getcwd(), oct(os.umask(0o77)), oct(os.umask(0o22)), socket.gethostname(), os.nice(0), os.uname().sysname)
for name in sorted(dir(resource)):
    if name.startswith("RLIMIT"):
        print(name, resource.getrlimit(getattr(resource, name)))
for folder in ("/", "/workspace", "/tmp", "/home/sandboxuser", "/dev/shm", "/proc", "/usr"):
    status = os.stat(folder)
    print(folder, stat.filemode(status.st_mode), status.st_uid, status.st_gid, os.access(folder, os.W_OK))
print(sorted(os.listdir("/workspace")), os.listdir("/tmp"), os.listdir("/home/sandboxuser"), os.path.exists("/dev/tty"))
print(stat.filemode(os.stat("main.py").st_mode), os.cpu_count() == len(os.sched_getaffinity(0)), os.sched_getscheduler(0))
print(os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid(), os.ctermid())
try:
    os.get_terminal_size()
except OSError as error:
    print(error)
open("/usr/x", "w")
