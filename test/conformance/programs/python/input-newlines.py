# Universal newlines on stdin.
import sys

print([line for line in sys.stdin])
