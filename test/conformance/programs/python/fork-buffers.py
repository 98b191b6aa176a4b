# What was written and not yet flushed belongs to both sides of a fork.
import os
import sys

print("before the fork")
sys.stdout.write("part")
pid = os.fork()
if pid == 0:
    print(" of the child")
    sys.exit(0)
os.waitpid(pid, 0)
print(" of the parent")
