import atexit


class Nosy:
    def __eq__(self, other):
        print("compared with", other)
        return False


print(atexit._ncallbacks())
atexit.unregister(Nosy())
atexit.register(print, "last")
print(atexit._ncallbacks())
atexit._run_exitfuncs()
print(atexit._ncallbacks())
atexit._clear()
