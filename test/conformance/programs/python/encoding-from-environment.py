import os
import sys

if "PYTHONIOENCODING" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONIOENCODING": "latin-1:replace"})
import sys

print(sys.stdout.encoding, sys.stdout.errors, sys.stderr.encoding, sys.stdin.encoding)
print("é ✓", ascii(sys.stdin.read()))
