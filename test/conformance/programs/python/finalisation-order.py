# What __del__, weak references and module globals see at the end.
import atexit
import sys
import weakref


class Thing:
    def __init__(self, name):
        self.name = name

    def __del__(self):
        print("del", self.name, sys is None, sys.is_finalizing())


a = Thing("global")
_b = Thing("underscored")
cycle = Thing("cycle")
cycle.self = cycle
weakref.finalize(a, print, "finalizer of a")
reference = weakref.ref(a, lambda _: print("weak reference"))
kept = [Thing("in a list")]
atexit.register(lambda: print("atexit", a.name))


def generator():
    try:
        yield 1
    finally:
        print("generator closed")


g = generator()
next(g)
print("end")
