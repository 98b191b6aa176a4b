# What cannot be flushed at the end is told, and changes the exit code.
import os
import sys

sys.stdout.write("kept back")
os.close(1)
