import getpass
import sys

print(repr(getpass.getpass("secret: ")))
print(sys.stdin.readline())
