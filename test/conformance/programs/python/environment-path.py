# A folder of modules from PYTHONPATH comes after the program's own.
import os
import sys

if "PYTHONPATH" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONPATH": "lib:/tmp/none"})
import sys

print(sys.path[:3])
import helper

print(helper.where)
