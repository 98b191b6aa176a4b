import sys

del __file__
print("leaving")
sys.exit(3)
