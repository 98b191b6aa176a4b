# Files in the workspace that Python looks for at its start are not found there, because the folder is added later.
import sys

print("sitecustomize" in sys.modules, "usercustomize" in sys.modules)
import sitecustomize as mine

print(getattr(mine, "WHERE", "the system's"))
import usercustomize

print(usercustomize.WHERE)
