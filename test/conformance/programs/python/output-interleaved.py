# Each stream keeps its own order, whatever is flushed when.
import os
import sys

for i in range(5):
    print("out", i)
    print("err", i, file=sys.stderr)
    os.write(1, f"raw out {i}\n".encode())
    os.write(2, f"raw err {i}\n".encode())
    sys.stdout.write("no newline ")
    sys.stderr.write("no newline ")
print("end", flush=True)
print("a", "b", sep="\n", end="|")
os.write(1, b"last\n")
