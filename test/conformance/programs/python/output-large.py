# A megabyte in lines, and a part that is no line.
import sys

for i in range(20_000):
    print(f"{i:06d} {'x' * 44}")
sys.stdout.write("y" * 100_000)
sys.stderr.write("z" * 100_000)
