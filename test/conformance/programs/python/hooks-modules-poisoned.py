# What is in sys.modules, and what is in the modules, is the program's to change.
import os
import sys

print("before")
for name in ("os", "gc", "atexit", "threading", "io", "posix", "importlib", "_frozen_importlib", "traceback"):
    sys.modules[name] = None
for name in ("write", "sched_get_priority_max", "environ", "read", "close", "_exit", "path"):
    setattr(os, name, None)
for name in ("_getframe", "flags", "implementation", "version_info", "meta_path", "path_importer_cache"):
    setattr(sys, name, None)
