import sys


def audit(event, arguments):
    if event in ("import", "exec", "marshal.loads", "open"):
        print(event, [text for text in arguments if isinstance(text, str)] or event)


print("before")
sys.addaudithook(audit)
import datetime
import json
import math
