def total(numbers):
    return sum(numbers)


table = {"a": [1, 2], "b": (3, {4})}
table["itself"] = table
print(total(table["a"]), end="")
