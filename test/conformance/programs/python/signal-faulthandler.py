# The interpreter's own dump at a crash; thread numbers are left out because they differ from run to run.
import re
import subprocess
import sys

code = """
import ctypes, faulthandler
faulthandler.enable()
def deep():
    ctypes.string_at(0)
deep()
"""
done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
print(done.returncode, re.sub("0x[0-9a-f]+", "0x", done.stderr), repr(done.stdout))
