python3 -c 'import sys; print(sys.argv, sys.path[0], __name__); sys.exit(3)' a b; echo "$?"
python3 - x <<'END'
import sys
print(sys.argv, __name__, sys.stdin.read())
1 / 0
END
echo "$?"
echo 'print("module", __name__)' >module.py; python3 -m module; python3 module.py
python3 -c 'print("no newline", end="")' | cat -A; echo
python3 -c 'print("x" * 3); import os; os._exit(1)'; echo "$?"
python3 missing.py; echo "$?"
python3 -m missing; echo "$?"
python3 -S -c 'import sys; print("sitecustomize" in sys.modules, sys.stdout.line_buffering)'
python3 -I -c 'import sys; print(sys.flags.isolated, "MATCHBOX_CONTROL_FD" in __import__("os").environ)'
env | grep -iE 'matchbox|prewarm|BASH_ENV'
