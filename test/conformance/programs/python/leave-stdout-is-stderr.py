import sys

print("one", end="")
sys.stdout = sys.stderr
print("two", end="")
