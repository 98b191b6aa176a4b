# Warnings that the compiler itself gives, before the first line runs.
x = 1
if x is 1:
    print("is")
pattern = "\d"
print((1)(2) if x > 5 else pattern)
assert (x, "always")
