# Every event that Python tells of after the program's last line.
import os
import sys

write = os.write


def audit(event, arguments):
    write(1, f"{event}\n".encode())


sys.addaudithook(audit)
