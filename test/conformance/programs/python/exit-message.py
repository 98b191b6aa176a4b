import sys

print("before")
sys.exit("message of the end")
