text = """a
b"""
print(repr(text))
def f():
    return 1 / 0
f()
