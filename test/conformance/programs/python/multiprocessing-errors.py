import multiprocessing
import sys


def fail():
    raise ValueError("in the process")


def leave():
    sys.exit("words on stderr")


def use(queue, shared, lock):
    with lock:
        shared.value += 1
        queue.put(shared.value)


if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    for target in (fail, leave):
        process = context.Process(target=target, name=target.__name__)
        process.start()
        process.join()
        print(process.exitcode, flush=True)
    queue, shared, lock = context.Queue(), context.Value("i", 0), context.Lock()
    processes = [context.Process(target=use, args=(queue, shared, lock)) for _ in range(3)]
    for process in processes:
        process.start()
    print(sorted(queue.get() for _ in processes), flush=True)
    for process in processes:
        process.join()
    with context.Pool(1) as pool:
        try:
            pool.apply(divmod, (1, 0))
        except ZeroDivisionError as error:
            print(error, type(error.__cause__).__name__)
    with context.Manager() as manager:
        shared_dict = manager.dict(a=1)
        shared_dict["b"] = 2
        print(dict(shared_dict))
