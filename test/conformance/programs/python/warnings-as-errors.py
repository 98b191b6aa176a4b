import os
import sys

if "PYTHONWARNINGS" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONWARNINGS": "error"})
import warnings

print("start", flush=True)
warnings.warn("becomes an error", RuntimeWarning)
