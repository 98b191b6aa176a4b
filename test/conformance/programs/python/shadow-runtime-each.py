# Modules that the program writes, one after the other, each by the name of one that every Python has.
import os
import sys

os.mkdir("app")
sys.path.insert(0, os.path.abspath("app"))
names = "token ast json re traceback datetime math enum keyword operator functools types reprlib copyreg textwrap collections"
for name in f"{names} contextlib tokenize linecache warnings _colorize codeop random statistics".split():
    with open(f"app/{name}.py", "w") as file:
        file.write(f"WHO = 'own {name}'\n")
    try:
        module = __import__(name)
        print(name, getattr(module, "WHO", None), getattr(module, "__file__", None))
    except Exception as error:
        print(name, type(error), error)
