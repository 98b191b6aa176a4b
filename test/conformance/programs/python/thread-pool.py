import concurrent.futures
import queue
import threading

lock = threading.Lock()
counter = 0


def add(n):
    global counter
    with lock:
        counter += n
    return n * n


with concurrent.futures.ThreadPoolExecutor(8) as pool:
    print(sum(pool.map(add, range(100))), counter)
    future = pool.submit(lambda: 1 / 0)
    print(repr(future.exception()))
line = queue.Queue()
workers = [threading.Thread(target=lambda: line.put(threading.current_thread().name)) for _ in range(5)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
print(sorted(line.get() for _ in workers))
print(threading.get_native_id() == __import__("os").getpid(), threading.stack_size())
barrier = threading.Barrier(3)
local = threading.local()
local.value = 1
print(hasattr(local, "value"), [t.name for t in threading.enumerate()])
