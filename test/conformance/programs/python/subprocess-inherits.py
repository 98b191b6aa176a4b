# What a child process inherits: descriptors, environment, signals, folder, umask, limits.
import subprocess
import sys

code = """
import os, resource, signal, sys
print(sorted(int(fd) for fd in os.listdir('/proc/self/fd'))[:-1])
print(os.getcwd(), oct(os.umask(0)), sorted(os.environ))
print([line.split() for line in open('/proc/self/status') if line.startswith(('SigBlk', 'SigIgn', 'SigCgt'))])
print({name: resource.getrlimit(getattr(resource, name)) for name in sorted(dir(resource)) if name.startswith('RLIMIT')})
"""
subprocess.run([sys.executable, "-c", code])
subprocess.run(["sh", "-c", "ls /proc/self/fd | wc -l; env | sort; trap"])
