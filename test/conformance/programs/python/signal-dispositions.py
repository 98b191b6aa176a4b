# How every signal is handled, which are blocked, and what a handler sees.
import signal

for number in sorted(signal.valid_signals()):
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "?"
    handler = signal.getsignal(number)
    print(number, name, getattr(handler, "__name__", handler))
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.sigpending())
for line in open("/proc/self/status"):
    if line.startswith(("SigQ", "SigB", "SigI", "SigC", "ShdPnd", "SigPnd")) and not line.startswith("SigQ"):
        print(line.split())
print(signal.getitimer(signal.ITIMER_REAL), signal.set_wakeup_fd(-1))
