# Exceptions that nobody can catch are told on stderr.
import gc
import sys


class Bad:
    def __del__(self):
        raise ValueError("in __del__")


print("start", flush=True)
bad = Bad.__new__(Bad)
sys.unraisablehook = lambda info: print("hook:", info.exc_value, info.err_msg)
del bad
gc.collect()
