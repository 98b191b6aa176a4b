import os
import signal


def work():
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(10_000_000):
        pass


try:
    work()
except KeyboardInterrupt:
    print("caught", flush=True)
work()
