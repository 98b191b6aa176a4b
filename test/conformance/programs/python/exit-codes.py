# Exit codes of child interpreters for everything that one may give to sys.exit.
import subprocess
import sys

for value in ("", "None", "0", "1", "2", "255", "256", "257", "-1", "-256", "True", "False", "'text'", "b'x'", "1.5", "2**31", "2**40", "-2**40", "2**70", "(1, 2)", "[]", "object"):
    done = subprocess.run([sys.executable, "-c", f"import sys; sys.exit({value})"], capture_output=True, text=True)
    print(repr(value), done.returncode, repr(done.stdout), repr(done.stderr))
