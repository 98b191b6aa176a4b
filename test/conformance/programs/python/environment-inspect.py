# After the program the interpreter goes on interactively with what is left of stdin.
import os
import sys

if "PYTHONINSPECT" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONINSPECT": "1"})
value = 41
print("program is over")
