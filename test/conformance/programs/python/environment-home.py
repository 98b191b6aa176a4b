import os
import pathlib
import site

print(os.path.expanduser("~"), pathlib.Path.home(), site.getuserbase(), site.getusersitepackages())
