import os

os.mkdir("broken")
for name, content in (("json", b"\0"), ("re", b"def"), ("enum", "'\u00e9'".encode("latin-1")), ("datetime", b"raise KeyError")):
    with open(f"{name}.py", "wb") as file:
        file.write(content)
    try:
        __import__(name)
    except BaseException as error:
        print(name, type(error), error)
os.chmod("datetime.py", 0)
import datetime
