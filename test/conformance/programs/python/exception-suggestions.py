# Python 3.12 and later suggest names: for attributes, imports, variables, and forgotten imports.
import traceback


class Point:
    latitude = 1.0


def try_it(text):
    try:
        exec(compile(text, "<given>", "exec"), {"Point": Point})
    except Exception:
        traceback.print_exc()


try_it("Point().latitud")
try_it("from collections import namedtupel")
try_it("printt(1)")
try_it("jsn = 1\nprint(jsno)")
try_it("import json_")
colour = 3
print(colr)
