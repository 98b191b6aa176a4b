import subprocess
import sys

done = subprocess.run(["tr", "a-z", "A-Z"], input="to upper", capture_output=True, text=True)
print(done)
for command in (["false"], ["sh", "-c", "exit 42"], ["sh", "-c", "kill -9 $$"]):
    try:
        subprocess.run(command, check=True)
    except subprocess.CalledProcessError as error:
        print(error)
try:
    subprocess.run(["sleep", "10"], timeout=0.1)
except subprocess.TimeoutExpired as error:
    print(error)
try:
    subprocess.run(["no-such-program"])
except FileNotFoundError as error:
    print(error)
first = subprocess.Popen(["printf", "b\\na\\n"], stdout=subprocess.PIPE)
second = subprocess.Popen(["sort"], stdin=first.stdout, stdout=subprocess.PIPE)
first.stdout.close()
print(second.communicate())
print(subprocess.getstatusoutput("echo out; echo err >&2; exit 3"))
with subprocess.Popen([sys.executable, "-c", "while True: print(input().upper())"], stdin=-1, stdout=-1, stderr=-1, text=True) as child:
    print(child.communicate("x\ny\n"))
    print(child.returncode)
print(subprocess.check_output(["env", "-i", "A=1", "env"]))
subprocess.run(["sh", "-c", "exit 3"], check=True)
