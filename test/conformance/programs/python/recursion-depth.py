# How deep the stack is allowed to go, in the main thread and in others.
import sys
import threading


def down(n):
    try:
        return down(n + 1)
    except RecursionError:
        return n


print(down(1))
results = []
thread = threading.Thread(target=lambda: results.append(down(1)))
thread.start()
thread.join()
print(results, sys.getrecursionlimit())
sys.setrecursionlimit(20_000)
print(down(1))
