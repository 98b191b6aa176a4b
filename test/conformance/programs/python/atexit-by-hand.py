import atexit
import json

before = json
atexit.register(print, "called")
atexit._run_exitfuncs()

import json

print(json is before)
