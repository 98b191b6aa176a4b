import sys


def hook(kind, value, trace):
    print("hook", kind.__name__, value, trace.tb_lineno, trace.tb_next)
    sys.__excepthook__(kind, value, trace)


sys.excepthook = hook
raise LookupError("to the hook")
