# Modules that the program writes itself, of new names, and reloads.
import importlib
import sys
import time

with open("made.py", "w") as file:
    file.write("value = 1\nprint('made', __name__, __file__)\n")
import made

print(made.value)
with open("made.py", "w") as file:
    file.write("value = 'longer than before'\n")
importlib.reload(made)
print(made.value)
importlib.invalidate_caches()
package = importlib.util.module_from_spec(importlib.util.spec_from_loader("ghost", None))
print(package, sys.modules["made"].__cached__)
del sys.modules["made"]
import made

print(made.value)
