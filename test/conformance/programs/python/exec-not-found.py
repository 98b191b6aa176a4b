import os

try:
    os.execvp("no-such-program", ["no-such-program"])
except FileNotFoundError as error:
    print(error)
os.execve("/bin/sh", ["sh", "-c", "echo $A; exit 5"], {"A": "only this"})
