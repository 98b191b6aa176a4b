import code

secret = 42
code.interact(banner="welcome", local=globals(), exitmsg="goodbye")
print("after", secret)
