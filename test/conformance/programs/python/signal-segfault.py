import ctypes
import sys

print("before", flush=True)
sys.stderr.write("to stderr\n")
ctypes.string_at(0)
