import importlib
import importlib.util
import sys

import json

first, decoder = json, json.decoder
del sys.modules["json"]
import json

print(json is first, json.decoder is decoder, json.JSONDecoder is first.JSONDecoder)
print(importlib.reload(json) is json, json.loads("[1]"))
del sys.modules["json"], sys.modules["json.decoder"]
import json

print(json.decoder is decoder, json.JSONDecoder is first.JSONDecoder)
spec = importlib.util.find_spec("re")
copy = importlib.util.module_from_spec(spec)
spec.loader.exec_module(copy)
import re

print(copy is re, copy.compile is re.compile, re.__spec__ is spec)
spec = importlib.util.spec_from_file_location("datetime", importlib.util.find_spec("datetime").origin)
other = importlib.util.module_from_spec(spec)
sys.modules["datetime"] = other
spec.loader.exec_module(other)
import datetime

print(datetime is other)
