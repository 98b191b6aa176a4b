import _thread

done = []
_thread.start_new_thread(done.append, (1,))
while not done:
    pass
print("done", end="")
