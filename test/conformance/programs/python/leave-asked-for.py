import os

try:
    print(os.sched_get_priority_max(os.SCHED_FIFO), end="")
    os.sched_get_priority_max(4711)
except OSError as error:
    print(error, end="")
