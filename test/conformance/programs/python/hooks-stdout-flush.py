# Standard output writes itself out once at the end, by a function of the program's.
import os
import sys

write = os.write
print("before")
sys.stdout.flush = lambda: write(1, b"text flushed\n")
