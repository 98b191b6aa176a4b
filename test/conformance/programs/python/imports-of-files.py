# Packages beside the program: relative imports, __init__, data files, cycles, and the errors of imports.
from importlib import resources

import package
from package import part
from package.deep.leaf import up

print(package.__path__, part.name, up(), resources.files("package").joinpath("data.txt").read_text())
try:
    from package import missing
except ImportError as error:
    print(type(error).__name__, error)
try:
    import package.nothing
except ModuleNotFoundError as error:
    print(type(error).__name__, error)
try:
    from . import part
except ImportError as error:
    print(type(error).__name__, error)
import broken
