# A key in the namespace of __main__ that speaks when it is compared with one of the same hash.
import os

write = os.write


class Nosy:
    def __hash__(self):
        return hash("__file__")

    def __eq__(self, other):
        write(1, f"compared with {other!r}\n".encode())
        return False


globals()[Nosy()] = 1
del Nosy
