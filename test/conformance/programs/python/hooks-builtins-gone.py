# Builtins that are nothing any more, or speak when they are called, at the end of a program that leaves nothing else.
import builtins

for name in ("map", "len", "isinstance", "hasattr", "getattr", "list", "set", "sorted", "any", "all", "type", "id", "vars"):
    setattr(builtins, name, None)
print("ok")
