import os
import sys

print(sys.argv, sys.orig_argv, len(sys.argv))
print({name: os.environ[name] for name in ("ONE", "EMPTY", "WITH_EQUALS")})
print(sys.argv[1:] == ["-x", "--flag=1", "two words", "", "ünï", "$HOME", "*"])
