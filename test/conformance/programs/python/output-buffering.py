# When what is written leaves the process, seen through a pipe in the middle.
import os
import sys

read_end, write_end = os.pipe()
saved = os.dup(1)
os.dup2(write_end, 1)
os.set_blocking(read_end, False)


def seen():
    try:
        return os.read(read_end, 100_000)
    except BlockingIOError:
        return None


results = []
sys.stdout.write("part")
results.append(seen())
sys.stdout.write(" and end\n")
results.append(seen())
print("two\nlines", end="")
results.append(seen())
sys.stdout.write("x" * 9000)
results.append(len(seen() or b""))
sys.stdout.flush()
results.append(len(seen() or b""))
sys.stdout.buffer.write(b"bytes\n")
results.append(seen())
sys.stdout.flush()
os.dup2(saved, 1)
print(results)
