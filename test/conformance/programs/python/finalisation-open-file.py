# A file that is never closed has its last bytes once the program is over; a child that outlives it could read them.
import atexit
import os

left_open = open("left-open.txt", "w")
left_open.write("not flushed by hand")
print(os.stat("left-open.txt").st_size)
print(open("left-open.txt").read() == "")


class Reader:
    def __init__(self):
        self.os, self.open = os, open

    def __del__(self):
        print("at the end:", self.open("left-open.txt").read())


import sys

sys.kept = Reader()
atexit.register(lambda: print(os.stat("left-open.txt").st_size))
