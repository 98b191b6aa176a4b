# Last in, first out; an exception in one is told and does not stop the rest.
import atexit
import sys


@atexit.register
def first():
    print("registered first, runs last")


class Broken:
    def __repr__(self):
        return "<broken>"

    def __call__(self):
        raise ValueError("in atexit")


atexit.register(Broken())


@atexit.register
def nested():
    print("nested")
    atexit.register(print, "registered at the exit")


gone = atexit.register(lambda: print("never"))
atexit.unregister(gone)
atexit.register(sys.exit, 3)
print("end of the program")
