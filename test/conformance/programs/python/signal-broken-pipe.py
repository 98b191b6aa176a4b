# SIGPIPE is ignored by Python, so a reader that is gone is an exception.
import os
import signal

print(signal.getsignal(signal.SIGPIPE))
read_end, write_end = os.pipe()
os.close(read_end)
try:
    os.write(write_end, b"x")
except BrokenPipeError as error:
    print(error)
signal.signal(signal.SIGPIPE, signal.SIG_DFL)
os.write(1, b"now for real\n")
os.write(write_end, b"x")
