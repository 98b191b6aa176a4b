import sys


def hide(*_):
    del sys.last_value
    print("hidden")


sys.excepthook = hide
1 / 0
