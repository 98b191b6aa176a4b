# Files that are left open at the end are complete for whoever looks at them afterwards.
import subprocess
import sys

code = """
def function():
    return file
file = open('left.txt', 'w')
file.write('x' * 10)
kept = [function]
"""
print(subprocess.run([sys.executable, "-c", code]).returncode, open("left.txt").read())
