# A child that dies of a signal is told with that signal, by every road there is.
import signal
import subprocess
import sys

for name in ("HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM", "TERM", "XCPU", "SYS"):
    number = getattr(signal, f"SIG{name}")
    code = f"import os, signal; signal.signal({int(number)}, signal.SIG_DFL) if {int(number)} != 9 else None; os.kill(os.getpid(), {int(number)})"
    print(name, subprocess.run([sys.executable, "-c", code]).returncode, subprocess.run(["sh", "-c", f"kill -{name} $$"]).returncode)
