import os
import sys

print(sys.stdin.buffer.read(3), sys.stdin.buffer.readline(), os.read(0, 5))
print(sys.stdin.buffer.read(), sys.stdin.read(), sys.stdin.isatty(), sys.stdin.closed)
import fileinput
import select

print(select.select([0], [], [], 0)[0], os.read(0, 1))
