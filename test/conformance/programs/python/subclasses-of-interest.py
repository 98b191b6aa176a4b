# No class of ours is known to the interpreter.
def all_subclasses(kind):
    for sub in type.__subclasses__(kind):
        yield sub
        yield from all_subclasses(sub)


names = {f"{kind.__module__}.{kind.__qualname__}" for kind in all_subclasses(object)}
print([name for name in names if "matchbox" in name.lower() or "rehears" in name or name.startswith("__main__") or name == "builtins.C"])
import gc

strings = [s for s in gc.get_objects() if isinstance(s, dict) and "wait_for_release" in s]
print(strings)
