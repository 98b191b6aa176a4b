# A function that has taken the place of what a look-up by name would find.
import builtins


def gone(*args):
    print("asked for", *args)


print("before")
for name in list(vars(builtins)):
    if name.islower() and name[0] != "_" and name != "print":
        builtins.__dict__[name] = gone
del name
