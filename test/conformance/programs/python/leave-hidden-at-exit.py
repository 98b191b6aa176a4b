import atexit
import sys


def hide():
    for name in ("last_exc", "last_value", "last_type", "last_traceback"):
        if hasattr(sys, name):
            print(name)


atexit.register(hide)
1 / 0
