# A large input, through text and back.
import hashlib
import sys

text = sys.stdin.read()
print(len(text), text.count("\n"), hashlib.sha256(text.encode()).hexdigest())
