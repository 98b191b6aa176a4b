import os
import sys

for how in ("exit", "_exit", "raise", "signal"):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        if how == "exit":
            sys.exit(3)
        if how == "_exit":
            os._exit(4)
        if how == "raise":
            raise ValueError("in the child")
        os.kill(os.getpid(), 15)
    _, status = os.waitpid(pid, 0)
    print(how, os.waitstatus_to_exitcode(status))
print(os.getppid() > 0, os.getpgrp() == os.getpid())
