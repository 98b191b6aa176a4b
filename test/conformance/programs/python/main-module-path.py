# The import system as a program finds it.
import sys

print(sys.path)
print([getattr(finder, "__name__", type(finder).__name__) for finder in sys.meta_path])
print([getattr(hook, "__qualname__", hook) for hook in sys.path_hooks])
print(sorted(sys.path_importer_cache))
print(sys.dont_write_bytecode, sys.pycache_prefix, sys.pycache_prefix)
print("site" in sys.modules, "sitecustomize" in sys.modules, "usercustomize" in sys.modules)
print([name for name in sys.modules if "matchbox" in name or "prewarm" in name])
import site

print(site.ENABLE_USER_SITE, site.getusersitepackages(), site.getsitepackages())
print(sys.warnoptions, sys._xoptions)
