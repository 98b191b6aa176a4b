import os

os.write(2, b"aborting\n")
os.abort()
