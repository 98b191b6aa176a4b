# A module's first import runs here and now: its code, its time, its state.
import sys

print([name for name in ("random", "threading", "asyncio", "subprocess", "logging", "decimal", "uuid", "tempfile", "hashlib", "socket", "ssl", "sqlite3", "numpy") if name in sys.modules])
import random

random.seed(42)
print(random.random(), random.sample(range(100), 5))
import decimal

print(decimal.getcontext())
import tempfile

print(tempfile.gettempdir(), tempfile.template)
import locale

print(locale.localeconv()["decimal_point"])
