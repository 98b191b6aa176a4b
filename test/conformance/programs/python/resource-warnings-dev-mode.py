import os
import sys

if "PYTHONDEVMODE" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONDEVMODE": "1"})
import sys

print(sys.flags.dev_mode)
open("never-closed", "w")


class Closing:
    def __repr__(self):
        return "<closing>"

    def __del__(self):
        raise ValueError("in __del__")


sys.unraisablehook = lambda info: print(info.exc_type.__name__, info.exc_value, info.err_msg)
closing = Closing()
del closing
import asyncio

loop = asyncio.new_event_loop()
print(loop.get_debug())
loop.close()
print("end")
