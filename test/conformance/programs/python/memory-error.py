# More than the container has is refused or ends the program; this is refused by the address space.
import resource

resource.setrlimit(resource.RLIMIT_AS, (400_000_000, 400_000_000))
try:
    bytearray(500_000_000)
except MemoryError as error:
    print("refused", error)
data = [0] * 10**10
