# The C locale is coerced, and the child sees it.
import locale
import os
import subprocess
import sys

print(sys.stdout.encoding, sys.stdout.errors, sys.flags.utf8_mode, locale.setlocale(locale.LC_CTYPE))
print({name: value for name, value in os.environ.items() if name.startswith(("LC_", "LANG"))})
subprocess.run(["sh", "-c", "env | grep -E '^(LC_|LANG)'"])
print("é")
