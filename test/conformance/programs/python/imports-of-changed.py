# Modules take what is there when they are imported: a builtin, or something in another module, that the program has changed.
import builtins
import enum

plain = builtins.open
builtins.open = lambda *args, **kwargs: plain(*args, **kwargs)
import tokenize

print(tokenize._builtin_open is builtins.open, tokenize._builtin_open is plain)
builtins.open = plain
enum.global_enum = lambda cls, *_: print("global", cls.__name__) or cls
import re

print(re.NOFLAG)
