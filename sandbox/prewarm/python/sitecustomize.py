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
    before = set(sys.modules)
    wanted = [name for name in os.environ.pop("MATCHBOX_PRELOAD", "").split(",") if name]
    consulted = preload(os, wanted)
    gc = prepare(os, has_notice and not wanted)
    preloaded = set(sys.modules) - before
    # A file of the program's own must win over a module of the same name that happens to be loaded already.
    roots = {name.partition(".")[0] for name in preloaded}
    is_main_hiding = hides(os, sys.argv[0], roots)

    def wait():
        """Returns whether there is more to the run than a program's text."""
        os.write(control, b".")
        message = read_to_end(os, control)
        os.close(control)

        is_hidden = is_main_hiding or (message and any(hides(os, path, roots) for path in paths_below(os, ".")))
        if is_hidden and not wanted:
            for name in preloaded:
                del sys.modules[name]
        variables = apply(os, message) if message else {}
        # What the lane preloads cannot be forgotten: numpy, for one, cannot be imported twice in a process.
        if wanted and (is_hidden or not consulted.isdisjoint(variables) or any(map(is_read_by_libraries, variables))):
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


def prepare(os, is_exact):
    """Everything that a run would otherwise pay for, once, while nobody waits for it. Returns the module of the collector,
    which is not to be found otherwise."""
    has_gc = "gc" in sys.modules
    import gc

    known_folders = {*sys.path_importer_cache, *sys.path}
    # What Python needs to print a traceback (7 ms), and with it what programs import most (6 ms); 2 MB in all. Not
    # `random`: its state is best made at the time, by the program that uses it.
    import datetime, json, math, traceback  # noqa: E401, F401

    rehearse(os, traceback)
    for folder in sys.path_importer_cache.keys() - known_folders:
        del sys.path_importer_cache[folder]
    # The rehearsal's traceback has read lines of this file.
    sys.modules["linecache"].clearcache()
    leave_lightly(os, gc, is_exact)
    if not has_gc:
        del sys.modules["gc"]
    return gc


# What the exit notice takes for the wish to leave (runner/exit_notice.h).
LEAVE = 0x4D42


def leave_lightly(os, gc, is_exact):
    """At its end Python takes apart, object by object, what was there before the program (1.5 ms, and the memory is given
    back a moment later anyway). Where nothing that the program made could tell, it leaves at once; or, where that cannot be
    had, without what `sys.modules` does not name.

    is_exact: whether the exit notice is there to leave by, and nothing but what every Python has is loaded."""
    # No class, instance, module, generator, file or weak reference: nothing that has a finaliser or holds something open.
    # (The loader is the one in the namespace of `__main__`.)
    plain = {type(leave_lightly), type([].append), type(__loader__), dict, list, tuple, set, frozenset}
    loaded = {name: module for name, module in sys.modules.items() if name not in ("sys", "builtins", "__main__")}
    loaded[None] = loaded  # a cycle, to outlive the function below
    modules, young, hide, frame = sys.modules, gc.get_objects, gc.freeze, sys._getframe
    namespace = sys.modules["__main__"].__dict__
    streams, hook, leave = (sys.stdout, sys.stderr), sys.excepthook, getattr(os, "sched_get_priority_max", None)
    # How these let the end of a program be known; another Python may do it in another way.
    is_exact = is_exact and sys.implementation.name == "cpython" and sys.version_info < (3, 14) and leave is not None

    def end():
        # Python itself calls this from no frame; a program that calls all exit functions itself has not ended.
        if frame().f_back is not None or not plain.issuperset(map(type, young())):
            return
        # After its last line, and after an exception, Python takes `__file__` away; a SystemExit leaves it.
        has_succeeded = "__file__" not in namespace and not hasattr(sys, "last_value") and sys.excepthook is hook
        if is_exact and has_succeeded and (sys.stdout, sys.stderr) == streams:
            try:
                for stream in streams:
                    stream.flush()
                leave(LEAVE)
            except Exception:
                pass  # Python itself will meet it again, and say so; or there is no way out here
        for name, module in loaded.items():
            if modules.get(name) is module:
                del modules[name]
        hide()

    import atexit

    atexit.register(end)  # the first to be registered, so the last to be called


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
