import os
import sys

write, buffer = os.write, sys.stdout.buffer
print("before")
buffer.flush = lambda: write(1, b"bytes flushed\n")
del buffer
