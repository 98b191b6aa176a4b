# The program's own files win over modules of the standard library, also over those that are often imported.
import collections
import json
import random

print(json.WHERE, random.WHERE, hasattr(collections, "OrderedDict"))
import datetime

print(datetime.WHERE)
import string

print(string.__file__, string.WHERE)
try:
    import traceback
except ImportError as error:
    print(error)
1 / 0
