import sys


def hook(*_):
    raise RuntimeError("in the hook")


sys.excepthook = hook
1 / 0
