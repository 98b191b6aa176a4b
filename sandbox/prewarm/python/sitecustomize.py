"""How Python waits: started as `python3 main.py`, it stops here, in its own start-up, until the runner lets it go.

Python imports `sitecustomize` after it is fully initialised and before it opens main.py. Returning from here is all that
"run the program" takes: Python then reads, compiles and runs main.py itself, so a program, its tracebacks and its end are
by construction those of a plain `python3 main.py`. What must hold: nothing of this file can be seen from the program.
README.md lists what can be noticed all the same.
"""

import sys


def wait_for_release():
    import os  # site has imported it already: costs nothing, changes nothing

    folder = os.path.dirname(__file__)
    control = int(os.environ.pop("MATCHBOX_CONTROL_FD"))
    os.set_inheritable(control, False)
    leave_the_path(os, folder)
    chain_load()
    before = set(sys.modules)
    prepare(os)
    preloaded = set(sys.modules) - before

    os.write(control, b".")
    message = read_to_end(os, control)
    os.close(control)

    # A file of the program's own must win over a module of the same name that happens to be loaded already.
    roots = {name.partition(".")[0] for name in preloaded}
    if any(name.partition(".")[0] in roots for name in names_below(os, ".")):
        for name in preloaded:
            del sys.modules[name]
    if message:
        apply(os, message)


def names_below(os, folder):
    """All names in the workspace: a program may well add one of its folders to sys.path."""
    for entry in os.scandir(folder):
        yield entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from names_below(os, entry.path)


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


def prepare(os):
    """Everything that a run would otherwise pay for, once, while nobody waits for it."""
    import gc

    known_folders = {*sys.path_importer_cache, *sys.path}
    # On a pipe Python collects 8 KiB before it writes, and a stream would arrive in one piece at the end. The image sees
    # to that for all of its Pythons (line-buffered.pth); this is for images that do not.
    sys.stdout.reconfigure(line_buffering=True)
    # What Python needs to print a traceback (7 ms), and with it what programs import most (6 ms); 2 MB in all. Not
    # `random`: its state is best made at the time, by the program that uses it.
    import datetime, json, math, traceback  # noqa: E401, F401

    rehearse(os, traceback)
    # The next thing Python does after this file: look for usercustomize in all of sys.path, and ask each path hook for
    # main.py. Asking first fills the finders' caches.
    sys.meta_path[-1].find_spec("usercustomize", None)
    for hook in sys.path_hooks:
        try:
            hook(__file__)
        except ImportError:
            pass  # the usual answer: it is no archive and no folder
    for folder in sys.path_importer_cache.keys() - known_folders:
        del sys.path_importer_cache[folder]
    # The rehearsal's traceback has read lines of this file.
    sys.modules["linecache"].clearcache()
    freeze(gc)
    del sys.modules["gc"]


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
    streams = sys.stdout, sys.stderr
    with open(os.devnull, "w", buffering=1) as null:
        sys.stdout = sys.stderr = null
        try:
            for _ in range(2):
                try:
                    exec(compile(source, "<rehearsal>", "exec"), {"__name__": "__main__"})
                except ZeroDivisionError as error:
                    traceback.print_exception(error)
        finally:
            sys.stdout, sys.stderr = streams


def read_to_end(os, control):
    message = b""
    while piece := os.read(control, 65536):
        message += piece
    return message


def apply(os, message):
    """The control message: number of arguments, arguments, NAME=value pairs, each closed by NUL."""
    strings = message.split(b"\0")[:-1]
    first_variable = 1 + int(strings[0])
    arguments = [os.fsdecode(string) for string in strings[1:first_variable]]
    variables = dict(os.fsdecode(string).split("=", 1) for string in strings[first_variable:])
    sys.argv[1:] = arguments
    sys.orig_argv += arguments
    os.environ.update(variables)
    if any(name.startswith(("PYTHON", "LC_", "LD_", "MALLOC_", "GLIBC_")) or name in ("LANG", "HOME") for name in variables):
        start_over(os)
    if "TZ" in variables:
        import time

        time.tzset()


def start_over(os):
    """Python and the C library read these variables only when they start. Being exact is worth 10 ms here."""
    import _signal

    # Python ignores these for itself, and what is ignored stays so across exec().
    for number in (_signal.SIGPIPE, _signal.SIGXFSZ):
        _signal.signal(number, _signal.SIG_DFL)
    os.execve(sys.executable, sys.orig_argv, os.environ)


import os  # noqa: E402

if "MATCHBOX_CONTROL_FD" in os.environ:
    wait_for_release()
    if "sitecustomize" not in sys.modules:
        # None but this one exists. `site` expects exactly this error, and the program sees no module of that name.
        raise ModuleNotFoundError("No module named 'sitecustomize'", name="sitecustomize")
