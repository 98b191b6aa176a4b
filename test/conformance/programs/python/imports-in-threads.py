import threading

seen = []
start = threading.Barrier(8)


def load(name):
    start.wait()
    seen.append((name, __import__(name).__name__))


names = ["json"] * 4 + ["datetime"] * 4  # of different ones that share something, plain Python loses some
threads = [threading.Thread(target=load, args=(name,)) for name in names]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(sorted(seen))
