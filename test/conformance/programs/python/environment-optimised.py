import os
import sys

if "PYTHONOPTIMIZE" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONOPTIMIZE": "2", "PYTHONDONTWRITEBYTECODE": "1"})
import sys

assert False, "not with -O"
print(__debug__, sys.flags.optimize, sys.flags.dont_write_bytecode, main.__doc__ if "main" in globals() else None)
