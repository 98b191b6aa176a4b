import importlib
import os
import sys

for name in ("json", "collections", "re", "datetime"):
    os.makedirs(f"packages/{name}")
    with open(f"packages/{name}/__init__.py", "w") as file:
        file.write("from .inner import WHO\n")
    with open(f"packages/{name}/inner.py", "w") as file:
        file.write(f"WHO = 'inner of {name}'\n")
sys.path[:0] = ["packages"]
for name in ("datetime", "json", "re", "collections"):
    module = importlib.import_module(name)
    print(name, module.WHO, module.__path__, sorted(vars(module)))
    importlib.reload(module)
