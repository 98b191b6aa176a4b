import os
import sys

if "PYTHONUNBUFFERED" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONUNBUFFERED": "1"})
import os
import sys

print(sys.flags.unbuffered, sys.stdout.write_through)
print("a part", end="")
os._exit(0)
