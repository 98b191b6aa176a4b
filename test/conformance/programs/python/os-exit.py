# os._exit leaves at once: no atexit, no finally, no flush of what a file holds.
import atexit
import os

atexit.register(print, "never")
file = open("held.txt", "w")
file.write("held")
os.write(1, b"written\n")
try:
    os._exit(7)
finally:
    print("never")
