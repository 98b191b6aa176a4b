# Every public module of the standard library that has no side effect imports, in one process.
import sys
import warnings

warnings.simplefilter("ignore")
skipped = {"antigravity", "this", "idlelib", "tkinter", "turtle", "turtledemo", "lib2to3", "test", "ensurepip"}
failed = []
for name in sorted(sys.stdlib_module_names - skipped):
    if not name.startswith("_"):
        try:
            __import__(name)
        except ImportError as error:
            failed.append((name, type(error).__name__))
print(failed)
