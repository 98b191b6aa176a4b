# Flags that come from the environment of a Python that the program starts.
import os
import sys

if "PYTHONDEVMODE" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONDEVMODE": "1", "PYTHONSAFEPATH": "1"})
import sys

print(sys.flags.verbose, sys.flags.dev_mode, sys.flags.safe_path, sys.path[0] == "/workspace")
print(sys._xoptions, sys.flags)
