# With a fixed seed the order of sets is fixed.
import os
import sys

if "PYTHONHASHSEED" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONHASHSEED": "7"})
import sys

print(sys.flags.hash_randomization, hash("text"), {"a", "b", "c", "d", "e", "f"})
