# Behind the library's own folder nothing hides it; and what is taken away from the path is not found.
import os
import sys

os.mkdir("late")
for name in ("token", "json", "datetime", "mine"):
    with open(f"late/{name}.py", "w") as file:
        file.write("WHO = 'late'\n")
sys.path.append("late")
import datetime
import json
import token

import mine

print(json.__file__, token.__file__, datetime.__file__, mine.WHO)
library = os.path.dirname(os.__file__)
sys.path.remove(library)
try:
    import traceback

    print(traceback.__file__)
except ImportError as error:
    print(type(error), error)
sys.path.insert(0, library)
import traceback

print(traceback.__file__)
