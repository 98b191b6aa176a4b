# Errors of compilation in eval, exec and compile, then one that is not caught.
import sys

for text in ("1 +", "def f(:\n pass", "  x = 1", "return 1", "f(**a, *b)", "x = (1", "'\\N{no such}'", "yield", "await x"):
    for function in (eval, exec):
        try:
            function(text)
        except SyntaxError as error:
            print(function.__name__, type(error).__name__, error.msg, error.lineno, error.offset, error.end_offset, repr(error.text))
sys.stdout.flush()
exec("a = 1\nb = = 2\n")
