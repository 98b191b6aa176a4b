import os
import sys

write = os.write


class Nosy:
    def __getattribute__(self, name):
        write(1, f"asked for {name}\n".encode())
        return lambda *_: None

    def __eq__(self, other):
        write(1, b"compared\n")
        return True


sys.stdout = Nosy()
sys.excepthook = Nosy()
del Nosy
