# Not the module itself is the program's own, but one that it imports.
import sys

with open("enum.py", "w") as file:
    file.write("print('own enum')\n")
try:
    import re
except Exception as error:
    print(type(error), error, [name for name in ("enum", "re", "re._parser") if name in sys.modules])
with open("scanner.py", "w") as file:
    file.write("raise RuntimeError('never asked for')\n")
with open("_colorize.py", "w") as file:
    file.write("raise RuntimeError('asked for')\n")
import traceback
