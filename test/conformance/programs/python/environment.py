# All of the environment, as os, the C library and a child see it.
import ctypes
import os
import subprocess

for name in sorted(os.environ):
    print(name, "=", os.environ[name])
libc = ctypes.CDLL(None)
libc.getenv.restype = ctypes.c_char_p
for name in ("PATH", "PYTHONPATH", "BASH_ENV", "MATCHBOX_CONTROL_FD", "HOME", "LANG", "GIVEN"):
    print(name, libc.getenv(name.encode()))
os.environ["NEW"] = "set"
os.environ.pop("OMP_NUM_THREADS")
subprocess.run("env | sort", shell=True)
