# What is loaded, before and after, in order; and what the modules say of themselves.
import sys

print(list(sys.modules))
print(sys.meta_path, len(sys.path_hooks), list(sys.path_importer_cache))
print([len(vars(module)) for module in (sys.modules["builtins"], sys.modules["os"], sys.modules["abc"])])
for name in ("math", "collections.abc", "json.decoder", "re", "datetime", "traceback", "json", "enum", "itertools", "_json"):
    before = set(sys.modules)
    module = __import__(name)
    print(name, [loaded for loaded in sys.modules if loaded not in before])
    spec = module.__spec__
    print(list(vars(module)), spec.origin, spec.cached, type(spec.loader), module.__loader__ is spec.loader)
print(list(sys.modules))
print(list(sys.path_importer_cache))
print(json := sys.modules["json"], json.decoder.scanner is sys.modules["json.scanner"], json.decoder.c_scanstring)
