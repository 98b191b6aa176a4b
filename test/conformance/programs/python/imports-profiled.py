import sys

seen = []


def profile(frame, event, argument):
    seen.append((event, frame.f_code.co_name, frame.f_code.co_filename, getattr(argument, "__name__", None)))


def trace(frame, event, argument):
    seen.append((event, frame.f_code.co_name, frame.f_code.co_filename, frame.f_lineno))
    return trace


sys.setprofile(profile)
import json.decoder

sys.setprofile(None)
sys.settrace(trace)
import datetime
import math

sys.settrace(None)
sys.monitoring.use_tool_id(3, "own")
sys.monitoring.register_callback(3, sys.monitoring.events.PY_START, lambda code, offset: seen.append(("start", code.co_name, code.co_filename)))
sys.monitoring.set_events(3, sys.monitoring.events.PY_START)
import traceback

sys.monitoring.set_events(3, 0)
# How often an abstract class is asked depends on what it remembers of earlier answers.
for line in seen:
    if "abc" not in line[2] and "sub" not in line[1]:
        print(*line)
