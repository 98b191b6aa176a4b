# The end waits for threads that are no daemons, and for no others.
import atexit
import threading
import time


def late():
    time.sleep(1)
    print("late thread", threading.main_thread().is_alive())


threading.Thread(target=late).start()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
atexit.register(print, "atexit, after the threads")
threading._register_atexit(print, "threading's own exit")
print("main is done")
