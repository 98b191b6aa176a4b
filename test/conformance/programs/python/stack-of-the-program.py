# No frame but the program's own is on the stack, at the top level, in functions, and in what inspect shows.
import inspect
import sys
import traceback


def depth():
    frame, count = sys._getframe(), 0
    while frame:
        frame, count = frame.f_back, count + 1
    return count


def show():
    for entry in inspect.stack():
        print(entry.filename, entry.lineno, entry.function, entry.code_context, entry.index)
    traceback.print_stack()
    print(traceback.format_stack())


print(depth())
show()
print(sys._getframe().f_back, sys._getframe().f_code.co_name, sys._getframe().f_code.co_filename)
(lambda: show())()
