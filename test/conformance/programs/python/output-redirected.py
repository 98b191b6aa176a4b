import contextlib
import io
import sys

with contextlib.redirect_stdout(io.StringIO()) as captured, contextlib.redirect_stderr(sys.stdout):
    print("captured")
    print("error", file=sys.stderr)
print(repr(captured.getvalue()))
sys.stdout = sys.stderr
print("to stderr")
sys.stdout = open("log.txt", "w")
print("to a file")
sys.stdout.close()
sys.stdout = sys.__stdout__
print(open("log.txt").read())
sys.stdout = None
print("nowhere")
