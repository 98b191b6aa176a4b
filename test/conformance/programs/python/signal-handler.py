import os
import signal
import sys


def handler(number, frame):
    print("got", signal.Signals(number).name, frame.f_code.co_name, frame.f_globals["__name__"])


for name in ("SIGUSR1", "SIGUSR2", "SIGTERM", "SIGHUP", "SIGALRM", "SIGCHLD"):
    signal.signal(getattr(signal, name), handler)
for name in ("SIGUSR1", "SIGUSR2", "SIGTERM", "SIGHUP"):
    os.kill(os.getpid(), getattr(signal, name))
signal.setitimer(signal.ITIMER_REAL, 0.01)
signal.pause()
signal.signal(signal.SIGUSR1, lambda *_: sys.exit(9))
signal.raise_signal(signal.SIGUSR1)
