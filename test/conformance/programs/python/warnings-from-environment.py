import os
import sys

if "PYTHONWARNINGS" not in os.environ:
    os.execve(sys.executable, [sys.executable, "main.py"], {**os.environ, "PYTHONWARNINGS": "always"})
import sys
import warnings

print(sys.warnoptions, [filter[0] for filter in warnings.filters])
open("x", "w").write("never closed")
warnings.warn("shown", DeprecationWarning)
