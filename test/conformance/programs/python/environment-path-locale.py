import os, shutil, sys

print(os.environ["PATH"], sys.argv[1:], sys.prefix, shutil.which("python3"))
print(os.path.expanduser("~"), sys.flags.utf8_mode)
