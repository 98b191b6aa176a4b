# What a program can ask about who runs: nothing of it is ours.
import atexit
import inspect
import sys
import threading


def look(when):
    print(when, [(frame.filename, frame.function) for frame in inspect.stack()][1:])
    print(len(sys._current_frames()), [thread.name for thread in threading.enumerate()], sys.gettrace(), sys.getprofile())


look("now")
atexit.register(look, "at the end")
