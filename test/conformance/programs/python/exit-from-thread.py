# sys.exit in a thread ends that thread alone.
import sys
import threading

thread = threading.Thread(target=lambda: sys.exit(5))
thread.start()
thread.join()
print("main goes on")
sys.exit(6)
