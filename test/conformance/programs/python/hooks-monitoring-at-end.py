import os
import sys

write = os.write


def started(code, offset):
    write(1, f"{code.co_name} {code.co_filename}\n".encode())


sys.monitoring.use_tool_id(3, "own")
sys.monitoring.register_callback(3, sys.monitoring.events.PY_START, started)
sys.monitoring.set_events(3, sys.monitoring.events.PY_START)
print("begin")
