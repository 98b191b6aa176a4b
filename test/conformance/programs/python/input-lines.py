# input() with a prompt, the rest of the lines, and its end.
name = input("name? ")
print("hello", repr(name))
print(repr(input()), repr(input("")))
import sys

for line in sys.stdin:
    print("line", repr(line))
input("at the end? ")
