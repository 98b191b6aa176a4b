# What the interpreter and the library keep for themselves holds nothing that the program did not cause.
import linecache
import re
import traceback
import warnings

print(sorted(name for name in linecache.cache if not name.startswith(("/usr/lib", "<frozen"))))
print("rehearsal" in repr(list(linecache.cache)), warnings._onceregistry if hasattr(warnings, "_onceregistry") else None)
try:
    exec(compile("1/0", "<rehearsal>", "exec"))
except ZeroDivisionError:
    traceback.print_exc()
import sys

print(hasattr(sys, "last_exc"), hasattr(sys, "last_value"), sys.exc_info(), hasattr(sys, "ps1"))
print(re.compile("a+").fullmatch("aaa"), sys.getrefcount(object()))
