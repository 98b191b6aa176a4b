import builtins
import os

write = os.write
kept = [name for name in dir(builtins) if name.islower() and callable(getattr(builtins, name)) and name[0] != "_"]


def speaking(name, plain):
    def spoken(*args, **kwargs):
        write(1, b"asked for " + name.encode() + b"\n")
        return plain(*args, **kwargs)

    return spoken


for name in kept:
    setattr(builtins, name, speaking(name, getattr(builtins, name)))
write(1, b"the end\n")
