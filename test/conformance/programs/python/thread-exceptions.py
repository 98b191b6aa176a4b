# What an exception in a thread says, by default and with a hook, and that it changes no exit code.
import sys
import threading


def fail(text):
    raise ValueError(text)


thread = threading.Thread(target=fail, args=("one",), name="worker")
thread.start()
thread.join()
threading.excepthook = lambda args: print("hook:", args.exc_type.__name__, args.exc_value, args.thread.name, file=sys.stderr)
thread = threading.Thread(target=fail, args=("two",))
thread.start()
thread.join()
threading.excepthook = threading.__excepthook__
thread = threading.Thread(target=fail, args=("three",))
thread.start()
thread.join()
print(thread.name, threading.active_count(), threading.current_thread(). name, threading.main_thread() is threading.current_thread())
