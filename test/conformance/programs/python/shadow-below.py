# Files in a folder that the program adds to its path win over modules of the standard library.
import sys

sys.path.insert(0, "lib")
import types

print(types.WHERE)
import json

print(json.WHERE)
