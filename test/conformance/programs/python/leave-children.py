import os

if os.fork() == 0:
    print("child", end="")
else:
    _, status = os.wait()
    print("parent of", os.waitstatus_to_exitcode(status), end="")
