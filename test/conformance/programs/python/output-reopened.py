import os
import sys

sys.stdout = os.fdopen(1, "w", buffering=1)
print("reopened")
sys.stderr = open(2, "w", closefd=False)
print("err", file=sys.stderr)
with open("/dev/stdout", "w") as again:
    again.write("through /dev/stdout\n")
print(os.readlink("/proc/self/fd/1").split(":")[0])
