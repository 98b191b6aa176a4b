import os
import sys

write = os.write
sys.unraisablehook = lambda *_: write(2, b"unraisable\n")
print("lost", end="")
os.close(1)
