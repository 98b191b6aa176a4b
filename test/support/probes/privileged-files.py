"""Prints every file below /usr that would lend a program more rights than it has, and at the end that it has looked."""

import os
import stat

for folder, _, names in os.walk("/usr"):
    for path in (os.path.join(folder, name) for name in names):
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and (mode & 0o6000 or "security.capability" in os.listxattr(path)):
            print(path)
print("looked")
