# Which descriptors are open, what they are, and which number comes next.
import os
import stat

folder = os.open("/proc/self/fd", os.O_RDONLY)
print(sorted(int(fd) for fd in os.listdir(folder)), folder)
for fd in (0, 1, 2):
    print(fd, stat.filemode(os.fstat(fd).st_mode), os.get_inheritable(fd), os.get_blocking(fd), os.isatty(fd))
print(os.open("/dev/null", os.O_RDONLY), os.pipe())
