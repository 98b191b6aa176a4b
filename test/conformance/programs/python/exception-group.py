# Groups, notes and nested groups, caught in part and then uncaught.
import sys

problems = []
for text in ("1", "x", None):
    try:
        int(text)
    except Exception as error:
        error.add_note(f"while reading {text!r}")
        problems.append(error)
try:
    raise ExceptionGroup("inputs", problems)
except* ValueError as group:
    print("values:", [str(error) for error in group.exceptions])
except* TypeError as group:
    print("types:", len(group.exceptions))
sys.stdout.flush()
raise ExceptionGroup("all", [*problems, ExceptionGroup("inner", [OSError(2, "gone")])])
