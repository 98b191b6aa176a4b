"""How Python waits: started as `python3 main.py`, it stops in its own start-up until the runner lets it go.

Python imports `sitecustomize` after it is fully initialised and before it opens main.py. It waits here, or, if it is one
that is known to ask then, a little later: where it asks `sys.path_hooks` what main.py is. Going on is all that "run the
program" takes: Python then reads, compiles and runs main.py itself, so a program, its tracebacks and its end are by
construction those of a plain `python3 main.py`. What must hold: nothing of this file can be seen from the program.
README.md lists what can be noticed all the same.
"""

import sys


def wait_for_release():
    import os  # site has imported it already: costs nothing, changes nothing

    folder = os.path.dirname(__file__)
    control = int(os.environ.pop("MATCHBOX_CONTROL_FD"))
    os.set_inheritable(control, False)
    has_notice = leave_the_exit_notice(os)
    leave_the_path(os, folder)
    chain_load()
    stream_lines(os)
    wanted = [name for name in os.environ.pop("MATCHBOX_PRELOAD", "").split(",") if name]
    gc, loaded, consulted = prepare(os, wanted, has_notice)
    # What the lane preloads and cannot be forgotten: numpy, for one, cannot be imported twice in a process.
    roots = {name.partition(".")[0] for name in loaded} if wanted else ()

    def wait():
        """Returns whether there is more to the run than a program's text."""
        os.write(control, b".")
        message = read_to_end(os, control)
        os.close(control)

        variables = apply(os, message) if message else {}
        if wanted and (
            hides(os, sys.argv[0], roots)
            or (message and any(hides(os, path, roots) for path in paths_below(os, ".")))
            or not consulted.isdisjoint(variables)
            or any(map(is_read_by_libraries, variables))
        ):
            start_over(os, variables)
        return bool(message)

    if will_ask_what_main_is():
        wait_when_asked(os, wait)
        freeze(gc)
    else:
        freeze(gc)
        wait()


def will_ask_what_main_is():
    """CPython does before it runs a file. Where there are arguments, the file is not the program's, but one that is to get
    the program's as an argument; and where there is a `usercustomize`, it comes first, and is to find what the run brings."""
    is_known = sys.implementation.name == "cpython" and sys.version_info < (3, 14)  # those that were tried
    is_file = len(sys.argv) == 1 and sys.argv[0] not in ("", "-", "-c", "-m")
    return is_known and is_file and not has_usercustomize()


def has_usercustomize():
    finders = [finder.find_spec for finder in sys.meta_path if hasattr(finder, "find_spec")]
    return bool(sys.modules["site"].ENABLE_USER_SITE) and any(find("usercustomize", None) for find in finders)


def wait_when_asked(os, wait):
    """Has the wait happen at the question of what main.py is, a folder or an archive: by then Python has looked for
    `usercustomize` in all of sys.path, and come to the end of its start-up (0.2 ms where the caches are cold)."""
    main = os.path.abspath(sys.argv[0])

    def find_importer(path):
        if os.path.abspath(path) != main:
            raise ImportError  # no answer: the next hook is asked
        sys.path_hooks.remove(find_importer)
        if not wait():
            return None  # a program's text is neither
        for hook in sys.path_hooks:
            try:
                return hook(path)
            except ImportError:
                pass
        return None

    sys.path_hooks.insert(0, find_importer)


def preload(os, names):
    """Imports what the lane asks for. Returns the variables that this consulted: where a run sets one of them, what was
    imported without it is not what the program would get."""
    consulted = set()
    if not names:
        return consulted
    plain = type(os.environ)

    class Watched(plain):
        def __getitem__(self, key):
            consulted.add(key)
            return super().__getitem__(key)

    os.environ.__class__ = Watched
    for name in names:
        try:
            __import__(name)
        except BaseException as error:
            words = " ".join(str(error).split())
            if not isinstance(error, ImportError) or not words:
                words = f"{type(error).__name__}: {words}"
            # The daemon shows this line as the reason why the lane has no sandboxes.
            os.write(2, f"\npreload: {name}: {words[:500]}\n".encode(errors="replace"))
            os._exit(1)
    os.environ.__class__ = plain
    # What was said meanwhile is not the program's: the runner sends it to the daemon's log.
    sys.stdout.flush()
    sys.stderr.flush()
    return consulted


def is_read_by_libraries(name):
    """Numerical libraries read these without asking Python."""
    return name.startswith(("OMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "NPY_"))


def paths_below(os, folder):
    """Everything in the workspace: a program may well add one of its folders to sys.path."""
    for entry in os.scandir(folder):
        yield entry.path
        if entry.is_dir(follow_symlinks=False):
            yield from paths_below(os, entry.path)


def hides(os, path, roots):
    """Whether what is at a path in the workspace is a module that Python would take instead of one of these; or a file of
    settings that one of them looks for when it is imported, such as matplotlibrc."""
    name = os.path.basename(path)
    root, dot, suffix = name.partition(".")
    if root not in roots:
        return name.endswith("rc") and name[:-2] in roots
    if dot:
        return suffix in ("py", "pyc") or suffix.endswith("so")
    try:
        return any(inner.startswith("__init__.") for inner in os.listdir(path))
    except OSError:
        return False  # no folder, or none that Python could look into


def leave_the_exit_notice(os):
    """The notice takes its variables away itself, where the C library is one that it knows. Returns whether it did."""
    is_left = os.environ.pop("MATCHBOX_EXIT_NOTICE", None) is not None
    if is_left:
        os.environ.pop("LD_PRELOAD", None)
    return not is_left


def stream_lines(os):
    """As line-buffered.pth has it for every Python of our own images; in others it is at least this one."""
    if not sys.stdout.line_buffering and not sys.stdout.write_through and not os.isatty(1):
        sys.stdout.reconfigure(line_buffering=True)


def leave_the_path(os, folder):
    sys.path.remove(folder)
    sys.path_importer_cache.pop(folder, None)
    rest = [entry for entry in os.environ.pop("PYTHONPATH").split(os.pathsep) if entry != folder]
    if rest:
        os.environ["PYTHONPATH"] = os.pathsep.join(rest)


def chain_load():
    """Imports the sitecustomize that this one hides (Debian has one)."""
    del sys.modules["sitecustomize"]
    try:
        import sitecustomize  # noqa: F401
    except ModuleNotFoundError as error:
        if error.name != "sitecustomize":
            raise


def prepare(os, wanted, has_notice):
    """Everything that a run would otherwise pay for, once, while nobody waits for it. Returns the module of the collector, which
    is not to be found otherwise, what has been loaded, by name, and the variables that it consulted."""
    has_gc = "gc" in sys.modules
    import gc

    if not has_gc:
        del sys.modules["gc"]
    plain = {name: module for name, module in sys.modules.items() if name != "__main__"}
    known_folders = {*sys.path_importer_cache, *sys.path}
    imports, aliases, stop = watch_imports(plain)
    consulted = preload(os, wanted)
    # What Python needs to print a traceback (7 ms), and with it what programs import most (6 ms); 2 MB in all. Not
    # `random`: its state is best made at the time, by the program that uses it.
    import datetime, json, math, traceback  # noqa: E401, F401

    rehearse(os, traceback)
    # The rehearsal's traceback has read lines of this file.
    sys.modules["linecache"].clearcache()
    stop()
    loaded = {name: module for name, module in sys.modules.items() if name not in plain and name != "__main__"}
    loaded.setdefault("gc", gc)
    folders = {folder: finder for folder, finder in sys.path_importer_cache.items() if folder not in known_folders}
    for folder in folders:
        del sys.path_importer_cache[folder]
    forget(plain, loaded)
    take = keep_for_later(plain, loaded, imports, aliases, folders)
    gates = prepare_gates()
    has_begun = has_notice and begin_python_end(os, gc, plain, loaded, take, not wanted)
    if has_begun and gates:
        for gate in gates:
            gate(sys._matchbox)
    elif wanted:
        remember(plain, loaded)  # a part of it cannot be imported again
        loaded = {}
    if has_begun:
        del sys._matchbox
    return gc, loaded, consulted


def forget(plain, loaded):
    for name in loaded:
        sys.modules.pop(name, None)
        parent, _, child = name.rpartition(".")
        if parent in plain:
            vars(plain[parent]).pop(child, None)


def remember(plain, loaded):
    for name, module in loaded.items():
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent in plain:
            setattr(plain[parent], child, module)


def cannot_load_twice(module):
    """Machine code that is not Python's own: numpy's, for one, cannot be loaded twice in a process."""
    spec = getattr(module, "__spec__", None)
    is_native = type(getattr(spec, "loader", None)).__name__ == "ExtensionFileLoader"
    return is_native and not str(spec.origin).rpartition("/")[0].endswith("/lib-dynload")


def watch_imports(plain):
    """Notes for each module that is loaded from now on what it asks for while it is loaded, in order, and what it puts into
    `sys.modules` by itself. Returns both, and a function that ends this."""
    import builtins

    bootstrap, modules = sys.modules["_frozen_importlib"], sys.modules
    asked, loads, gets = builtins.__import__, bootstrap._load_unlocked, bootstrap._gcd_import
    imports, aliases, being_loaded, number = {}, {}, [], [len(modules)]

    def note(name):
        if being_loaded and name != "__main__":  # the program: whatever it is, it is there
            parts = name.split(".")
            for end in range(len(parts)):
                imports[being_loaded[-1]][".".join(parts[: end + 1])] = None

    def note_aliases():
        if len(modules) == number[0]:
            return
        number[0] = len(modules)
        for name, module in modules.items():
            if being_loaded and name not in plain and name not in imports and name not in aliases:
                aliases[name] = module
                note(name)

    def ask(name, namespace=None, local=None, names=(), level=0):
        note_aliases()
        if level > 0:
            name_asked = bootstrap._resolve_name(name, bootstrap._calc___package__(namespace), level)
        else:
            name_asked = name
        note(name_asked)
        module = asked(name, namespace, local, names, level)
        for inner in names or ():
            if f"{name_asked}.{inner}" in modules:
                note(f"{name_asked}.{inner}")
        return module

    def get(name, package=None, level=0):
        note(bootstrap._resolve_name(name, package, level) if level > 0 else name)
        return gets(name, package, level)

    def load(spec):
        imports[spec.name] = {}
        being_loaded.append(spec.name)
        try:
            return loads(spec)
        finally:
            note_aliases()
            being_loaded.pop()

    def stop():
        builtins.__import__, bootstrap._load_unlocked, bootstrap._gcd_import = asked, loads, gets

    builtins.__import__, bootstrap._load_unlocked, bootstrap._gcd_import = ask, load, get
    return imports, aliases, stop


# What these are in Python's own words, for those that are known, and with a question in front. A program sees, traces and is
# interrupted in the lines that it would see anyway.
PLAIN = {
    "exec_source": """class _LoaderBasics:
    def exec_module(self, module):
        "Execute the module."
        code = self.get_code(module.__name__)
        if code is None:
            raise ImportError(f'cannot load module {module.__name__!r} when '
                              'get_code() returns None')
        _bootstrap._call_with_frames_removed(exec, code, module.__dict__)
""",
    "exec_source, before 3.12": """class _LoaderBasics:
    def exec_module(self, module):
        "Execute the module."
        code = self.get_code(module.__name__)
        if code is None:
            raise ImportError('cannot load module {!r} when get_code() '
                              'returns None'.format(module.__name__))
        _bootstrap._call_with_frames_removed(exec, code, module.__dict__)
""",
    "exec_native": """class ExtensionFileLoader:
    def exec_module(self, module):
        "Initialize an extension module"
        _bootstrap._call_with_frames_removed(_imp.exec_dynamic, module)
        _bootstrap._verbose_message('extension module {!r} executed from {!r}',
                         self.name, self.path)
""",
    "exec_builtin": """class BuiltinImporter:
    @staticmethod
    def exec_module(module):
        "Exec a built-in module"
        _call_with_frames_removed(_imp.exec_builtin, module)
""",
}
GATED = (
    ("self.get_code(module.__name__)", "'empty' if module in 'kept' else self.get_code(module.__name__)"),
    ("_bootstrap._call_with_frames_removed(_imp", "module in 'kept' or _bootstrap._call_with_frames_removed(_imp"),
    (" _call_with_frames_removed(_imp", " module in 'kept' or _call_with_frames_removed(_imp"),
)


def prepare_gates():
    """Where Python comes to run a module's code, when it has found its file: the place to hand over what was kept. Returns
    functions that put a question there; None for a Python that does this in another way."""
    bootstrap, external = sys.modules["_frozen_importlib"], sys.modules["_frozen_importlib_external"]
    if sys.version_info < (3, 10):
        return None
    functions = (
        (external._LoaderBasics.exec_module, ("exec_source", "exec_source, before 3.12")),
        (external.ExtensionFileLoader.exec_module, ("exec_native",)),
        (bootstrap.BuiltinImporter.exec_module, ("exec_builtin",)),
    )
    gates = [next((gate for gate in (gate_of(f, PLAIN[name]) for name in names) if gate), None) for f, names in functions]
    return gates if all(gates) else None


def gate_of(function, text):
    plain = function.__code__

    def compiled(body):
        lines_before = plain.co_firstlineno - 2
        code = compile("\n" * lines_before + body, plain.co_filename, "exec", dont_inherit=True)
        while code.co_name != plain.co_name:
            code = next(constant for constant in code.co_consts if hasattr(constant, "co_consts"))
        return code

    def facts(code):
        return code.co_code, code.co_names, code.co_varnames, code.co_consts[1:], list(code.co_lines())

    if facts(compiled(text)) != facts(plain):
        return None
    body = text
    for words, gated in GATED:
        if words in body:
            body = body.replace(words, gated)
            break
    gated = compiled(body)

    def put(kept):
        stand_ins = {"kept": kept, "empty": compile("", plain.co_filename, "exec")}
        constants = tuple(stand_ins.get(c, c) if type(c) is str else c for c in gated.co_consts)
        function.__code__ = gated.replace(co_consts=constants)

    return put


def keep_for_later(plain, loaded, imports, aliases, folders):
    """What was loaded is not in `sys.modules` any more, so a program's imports look for it as in a Python that has just
    started. Returns the function that is asked when they have found a module: it puts what was kept in its place, if that is
    of the same file, and if all that it imports would be found where it was, too.

    A program may have changed anything by then. So the function has no name to look up, and calls nothing that could be the
    program's; where it is called at all, nobody traces or profiles what Python does (python_end.c)."""
    import posix, _thread  # noqa: E401

    bootstrap, external = sys.modules["_frozen_importlib"], sys.modules["_frozen_importlib_external"]
    builtins = sys.modules["builtins"]
    once = {name for name, module in loaded.items() if cannot_load_twice(module)}
    path = [entry for entry in sys.path if isinstance(entry, str)]
    origins, entries = {}, {}
    for name, module in loaded.items():
        spec = getattr(module, "__spec__", None)
        origin = getattr(spec, "origin", None)
        if name in aliases or not isinstance(origin, str):
            continue
        origins[name] = origin, spec.loader if origin == "built-in" else type(spec.loader)
        if origin != "built-in" and "." not in name:
            folder = origin.rpartition("/")[0]
            entries[name] = folder.rpartition("/")[0] if hasattr(module, "__path__") else folder
    watched_values = {
        name: module
        for name, module in {**plain, **loaded}.items()
        if name not in ("sys", "__main__") and type(module) is type(sys)
    }

    def frozen(function):
        """Shown, if it is ever shown, as a part of Python's own machinery, which tracebacks leave out."""
        if hasattr(function.__code__, "replace"):  # Python 3.7 has it not, and is never asked
            function.__code__ = function.__code__.replace(co_filename=GATE_FILE, co_name="exec_module")
        return function

    def make(  # what it needs, by names that are nobody else's
        type=type, str=str, list=list, tuple=tuple, map=map, id=id, hash=hash, len=len, OSError=OSError,
        FileNotFoundError=FileNotFoundError, set=set, next=next, iter=iter, NoneType=type(None), setattr=setattr,
        module_type=type(sys), spec_type=bootstrap.ModuleSpec, finder_type=external.FileFinder,
        content=bootstrap.ModuleSpec.__dict__["__dict__"].__get__,
        find_in=external.PathFinder._path_importer_cache, listdir=posix.listdir, count_threads=_thread._count,
        modules=sys.modules, sys=sys.__dict__, builtins=builtins.__dict__, meta_path=sys.meta_path, path_hooks=sys.path_hooks,
        finders=sys.path_importer_cache, suffixes=(".py", ".pyc", ".so"), missing=object(),
    ):  # fmt: skip
        def values(module):
            return hash(tuple(map(id, module.__dict__.values())))

        seen = {name: values(module) for name, module in watched_values.items()}
        importers, hooks = [*map(id, meta_path)], [*map(id, path_hooks)]

        def is_untouched():
            """Whether the program's imports are done by what does them in a Python that has just started."""
            return (
                sys["modules"] is modules
                and sys["meta_path"] is meta_path
                and sys["path_hooks"] is path_hooks
                and sys["path_importer_cache"] is finders
                and [*map(id, meta_path)] == importers
                and [*map(id, path_hooks)] == hooks
                and type(sys["path"]) is list
                and count_threads() == 0
            )

        def take(module, is_watched):
            if type(module) is not module_type:
                return False
            spec = module.__dict__.get("__spec__")
            if type(spec) is not spec_type:
                return False
            spec = content(spec)
            name, origin, loader = spec["name"], spec.get("origin"), spec["loader"]
            if type(name) is not str or name not in origins or type(origin) is not str:
                return False
            if origins[name][0] != origin or (loader is not origins[name][1] and type(loader) is not origins[name][1]):
                return False
            if modules.get(name) is not module or spec.get("_initializing") is not True:
                return False  # loaded by hand, or once more
            is_same, is_once = not is_watched and is_untouched(), name in once

            # All that it imports, in the order in which it would come to be there; and what is not to be in the way.
            order, folders_asked, roots = [], [], {name.partition(".")[0]}
            visited, open_names = {name}, [(name, iter(imports.get(name, ())))]
            while open_names:
                asking, remaining = open_names[-1]
                asked = next(remaining, missing)
                if asked is missing:
                    open_names.pop()
                    if asking is not name:
                        order.append(asking)
                    continue
                if asked in visited:
                    continue
                visited.add(asked)
                is_once = is_once or asked in once
                expected = loaded.get(asked, missing)
                if expected is missing:
                    expected = plain.get(asked, missing)
                present = modules.get(asked, missing)
                if present is not missing:
                    if present is not expected or (asked in seen and seen[asked] != values(present)):
                        is_same = False
                    continue
                if expected is missing:
                    roots.add(asked.partition(".")[0])  # it was not found, and is not to be found now
                elif asked in aliases:
                    order.append(asked)
                elif asked in origins:
                    if "." in asked:
                        folders_asked.append(asked.rpartition(".")[0])
                    else:
                        roots.add(asked)
                    open_names.append((asked, iter(imports.get(asked, ()))))
                elif asked in loaded:
                    order.append(asked)  # a package without a file of its own
                else:
                    is_same = False

            if is_same and seen["builtins"] != values(modules["builtins"]):
                is_same = False
            if is_same:
                passed, position = set(), 0
                for entry in sys["path"]:
                    if type(entry) is not str:
                        is_same = False
                        break
                    if type(finders.get(entry)) is not finder_type and type(finders.get(entry)) is not NoneType:
                        is_same = False
                        break
                    behind = {root for root in roots if entries.get(root, missing) not in passed and not is_built_in(root)}
                    if not behind:
                        break
                    if entry in path:
                        if path.index(entry) < position:
                            is_same = False
                            break
                        position = path.index(entry)
                        passed.add(entry)
                        if entry not in finders:
                            find_in(entry)
                        continue
                    try:
                        names = listdir(entry or ".")
                    except FileNotFoundError:
                        continue
                    except OSError:
                        is_same = False  # an archive, or nothing that could be looked into
                        break
                    found = {inner.partition(".")[0] for inner in names if "." not in inner or inner.endswith(suffixes)}
                    if not behind.isdisjoint(found):
                        is_same = False
                        break
                for root in roots:
                    if root in entries and entries[root] not in passed:
                        is_same = False
            # What cannot be loaded twice is handed over all the same: it would not be had otherwise.
            if not is_same and not is_once:
                return False
            for asked in order:
                modules[asked] = aliases[asked] if asked in aliases else loaded[asked]
                origins.pop(asked, None)
                parent, _, child = asked.rpartition(".")
                if parent in plain and child not in plain[parent].__dict__:
                    setattr(plain[parent], child, modules[asked])
            for parent in folders_asked:
                if parent not in loaded:
                    continue  # a plain start has it, and its folder
                for folder in loaded[parent].__dict__.get("__path__", ()):
                    if folder in folders and folder not in finders:
                        finders[folder] = folders[folder]
            modules[name] = loaded[name]
            origins.pop(name, None)
            return True

        def is_built_in(root):
            return root in origins and root not in entries

        return [frozen(function) for function in (values, is_untouched, is_built_in, take)][-1]

    return make()


GATE_FILE = "<frozen importlib._bootstrap_external>"

# What begins the library's part (runner/python_end.h).
BEGIN = 0x4D42


def begin_python_end(os, gc, plain, loaded, take, may_leave):
    """Hands over to the library what it needs while the program runs and when it ends (runner/python_end.c): what was kept,
    and the way out. At its end Python takes apart, object by object, what was there before the program (1.5 ms, and the
    memory is given back a moment later anyway). Where nothing that the program made could tell, it leaves at once; or, where
    that cannot be had, without what `sys.modules` does not name. Returns whether the library is there, and has taken it.

    may_leave: whether nothing but what every Python has is loaded."""
    external = sys.modules["_frozen_importlib_external"]
    # No class, instance, module, generator, file or weak reference: nothing that has a finaliser or holds something open.
    # (The loader is the one in the namespace of `__main__`, the finders are those of sys.path.)
    plain_types = (type(take), type([].append), external.SourceFileLoader, external.FileFinder, dict, list, tuple, set, frozenset)
    everything = {name: module for name, module in {**plain, **loaded}.items() if name not in ("sys", "builtins")}
    get_tool = getattr(getattr(sys, "monitoring", None), "get_tool", None)
    try:
        # How these let the end of a program be known; another Python may do it in another way.
        if not (sys.implementation.name == "cpython" and sys.version_info < (3, 14)):
            return False
        questions = [(sys.gettrace, ()), (sys.getprofile, ()), (sys.audit, (0,))]
        questions += [(get_tool, (number,)) for number in range(6)] if get_tool else []
        layers = [sys.stdout, sys.stdout.buffer, sys.stderr, sys.stderr.buffer]
        layers += [layer.raw for layer in layers if hasattr(layer, "raw")]  # without a buffer (-u) there is none
        sys._matchbox = (
            *(None, True, False, tuple(questions)),
            *(gc.get_objects, gc.freeze, gc.callbacks, plain_types, sys.modules["__main__"].__dict__, sys.__dict__),
            *(sys.excepthook, sys.stdout, sys.stderr, type(sys.stdout).flush),
            tuple(layer.__dict__ for layer in layers),
            *(sys.modules, everything, loaded, may_leave, take, any(map(cannot_load_twice, loaded.values()))),
        )
        os.sched_get_priority_max(BEGIN)
        return True
    except (AttributeError, OSError):
        vars(sys).pop("_matchbox", None)
        return False


def freeze(gc):
    """What lives now lives to the end: neither a collection nor the exit has to walk it again (1 ms of the exit).

    All but the namespace of `__main__`. Programs close a cycle through it (a function holds its globals), which only a
    collection opens; were it frozen, no object of a program's would be finalised at the end, and files that it left open
    would lose what was not flushed. Empty it is not tracked while the freeze happens, and is tracked anew when it is filled.
    """
    namespace = sys.modules["__main__"].__dict__
    content = dict(namespace)
    namespace.clear()
    gc.collect()
    gc.freeze()
    namespace.update(content)


def rehearse(os, traceback):
    """Runs a small program down the same roads as a real one. Code that has not run for a while, or never, costs page
    faults and cache misses: the first program through pays about 1 ms for them."""
    source = (
        "def f(n):\n"
        "    return [str(x) for x in range(n)]\n"
        "class C:\n"
        "    def __init__(self):\n"
        "        self.items = {'a': 1}\n"
        "for i in range(3):\n"
        "    print(f(i), f'{i:>4} {i / 3:.2f}', sorted(C().items))\n"
        "1 / 0\n"
    )
    # Deep enough for what Python puts on its stack when it looks for the folder of main.py: nine pages.
    compile("(" * 90 + ")" * 90, "<rehearsal>", "eval")
    streams = sys.stdout, sys.stderr
    with open(os.devnull, "w", buffering=1) as null:
        sys.stdout = sys.stderr = null
        try:
            for _ in range(2):
                try:
                    exec(compile(source, "<rehearsal>", "exec"), {"__name__": "__main__"})
                except ZeroDivisionError as error:
                    # All three, which Python before 3.10 wants.
                    traceback.print_exception(type(error), error, error.__traceback__)
        finally:
            sys.stdout, sys.stderr = streams


def read_to_end(os, control):
    return b"".join(iter(lambda: os.read(control, 65536), b""))


def apply(os, message):
    """The control message: number of arguments, arguments, NAME=value pairs, each closed by NUL."""
    strings = message.split(b"\0")[:-1]
    first_variable = 1 + int(strings[0])
    arguments = [os.fsdecode(string) for string in strings[1:first_variable]]
    variables = dict(os.fsdecode(string).split("=", 1) for string in strings[first_variable:])
    sys.argv[1:] = arguments
    if hasattr(sys, "orig_argv"):
        sys.orig_argv += arguments
    os.environ.update(variables)
    if any(name.startswith(("PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_")) or name in ("LANG", "HOME") for name in variables):
        start_over(os, variables)
    if "TZ" in variables:
        import time

        time.tzset()
    return variables


def start_over(os, variables):
    """Python and the C library read some variables only when they start, and some modules cannot be forgotten. Being exact
    is worth 10 ms here, and the time to import again what the program needs."""
    import _signal

    # Python ignores these for itself, and what is ignored stays so across exec().
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    command = command_line()
    # Python finds itself by the name that it was called by. The run's PATH is for the program: it need not lead here.
    if "PATH" in variables and "/" not in command[0]:
        command[0] = sys.executable
    os.execve(sys.executable, command, os.environ)


def command_line():
    if hasattr(sys, "orig_argv"):
        return sys.orig_argv
    # Python before 3.10 does not keep it; the kernel does, without the run's arguments.
    with open("/proc/self/cmdline", "rb") as file:
        return file.read().split(b"\0")[:-1] + sys.argv[1:]


import os  # noqa: E402

if "MATCHBOX_CONTROL_FD" in os.environ:
    if sys.version_info < (3, 7):
        # The last line before the end is what the lane is degraded with.
        os.write(2, b"\nthe waiting hook needs Python 3.7 or newer\n")
        os._exit(1)
    wait_for_release()
    if "sitecustomize" not in sys.modules:
        # None but this one exists. `site` expects exactly this error, and the program sees no module of that name.
        raise ModuleNotFoundError("No module named 'sitecustomize'", name="sitecustomize")
