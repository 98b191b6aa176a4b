# Recursion through C: repr of nested lists, comparison, and json.
import json

nested = []
for _ in range(100_000):
    nested = [nested]
for function in (repr, json.dumps, hash):
    try:
        function(nested)
        print("fine")
    except (RecursionError, TypeError) as error:
        print(type(error).__name__, str(error)[:60])
loop = []
loop.append(loop)
print(loop)
