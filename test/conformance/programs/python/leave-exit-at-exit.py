import atexit
import sys

atexit.register(sys.exit, 3)
print("end", end="")
