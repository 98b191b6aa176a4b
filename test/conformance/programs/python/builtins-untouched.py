# Nothing has been added to the built-in names, and nothing been replaced.
import builtins
import sys

print(sorted(dir(builtins)))
print(builtins.print is print, type(print), type(open), type(input), type(__import__))
print(sys.displayhook is sys.__displayhook__, sys.excepthook is sys.__excepthook__)
print(sys.unraisablehook is sys.__unraisablehook__, sys.breakpointhook is sys.__breakpointhook__)
print(sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__, sys.stdin is sys.__stdin__)
print(sys.gettrace(), sys.getprofile(), sys.getrecursionlimit(), sys.getswitchinterval())
print(hasattr(builtins, "_"))
