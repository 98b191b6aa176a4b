# Python itself imports what it prints a traceback with.
with open("token.py", "w") as file:
    file.write("print('own token')\nEXACT_TOKEN_TYPES = {}\n")
1 / 0
