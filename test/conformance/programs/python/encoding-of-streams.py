# Encodings, error handlers and buffering of everything that Python opens.
import io
import locale
import os
import sys

for name in ("stdin", "stdout", "stderr"):
    stream = getattr(sys, name)
    print(name, stream.encoding, stream.errors, stream.newlines, stream.line_buffering, stream.write_through, stream.isatty(), stream.fileno(), stream.name, stream.mode, type(stream.buffer).__name__)
print(sys.getdefaultencoding(), sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
print(locale.getlocale(), locale.getpreferredencoding(), locale.setlocale(locale.LC_ALL))
print(io.text_encoding(None), sys.flags.utf8_mode, os.device_encoding(1))
print(os.fsencode("ü\udcff"), os.fsdecode(b"\xff"))
try:
    print("\udc80")
except UnicodeEncodeError as error:
    print(error)
print("\udc80", file=sys.stderr)
sys.stdout.reconfigure(encoding="latin-1", errors="replace")
print("é ✓")
