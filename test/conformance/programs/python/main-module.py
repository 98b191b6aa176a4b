# What a fresh __main__ holds.
import sys

print(__name__, __file__, __doc__, __package__, __spec__, __builtins__)
print(type(__loader__).__name__, __loader__.name, __loader__.path)
print(sorted(globals()))
print(sys.modules["__main__"].__dict__ is globals())
print(dir())
print(sys.argv, sys.orig_argv, sys.path[0], sys.flags)
print(sys.executable, sys.prefix, sys.base_prefix, sys.exec_prefix, sys.platform)
print("annotations" , "__annotations__" in globals())
number: int = 1
print(__annotations__)
