# Output of the program and of its children arrives in the order that the image's buffering makes.
import subprocess

print("one")
subprocess.run(["echo", "two"])
print("three", flush=True)
subprocess.run("echo four; echo five >&2", shell=True)
print("six")
subprocess.run(["python3", "-c", "print('seven')"])
