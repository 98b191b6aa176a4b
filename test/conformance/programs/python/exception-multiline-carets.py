# Positions in a traceback: carets under a part of an expression that spans lines.
def f(value):
    return value


total = f(
    1
) + f(2) + f(
    "three"
).missing.attribute + (
    f(4)
)
