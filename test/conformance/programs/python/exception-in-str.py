# An exception whose own __str__ fails, and one with a message of several lines.
class Broken(Exception):
    def __str__(self):
        raise RuntimeError("no words")


try:
    raise Broken
except Broken as error:
    try:
        print(error)
    except RuntimeError as inner:
        print("inner:", inner)
raise Broken("first\nsecond")
