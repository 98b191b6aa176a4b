# The very text of the traceback counts the frames below: "repeated N more times".
def down(n):
    return down(n + 1)


down(0)
