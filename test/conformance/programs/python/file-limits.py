import errno
import os
import resource

files = []
try:
    while True:
        files.append(open("/dev/null"))
except OSError as error:
    print(len(files), error)
    for file in files:
        file.close()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    with open("big", "wb", buffering=0) as file:
        print(file.write(b"x" * 2000))
        file.write(b"y")
except OSError as error:
    print(errno.errorcode[error.errno], error)
