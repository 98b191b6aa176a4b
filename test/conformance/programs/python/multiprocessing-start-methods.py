import multiprocessing
import os


def square(n):
    return n * n


def worker(connection, name):
    connection.send((name, multiprocessing.current_process().name, os.getpid() != os.getppid(), __name__))
    connection.close()


if __name__ == "__main__":
    print(multiprocessing.get_start_method(), multiprocessing.get_all_start_methods())
    for method in ("fork", "spawn", "forkserver"):
        context = multiprocessing.get_context(method)
        ours, theirs = context.Pipe()
        process = context.Process(target=worker, args=(theirs, method), name=f"p-{method}")
        process.start()
        print(ours.recv())
        process.join()
        print(process.exitcode, process.name, process.is_alive())
    with multiprocessing.Pool(2) as pool:
        print(pool.map(square, range(10)))
        print(pool.apply_async(square, (12,)).get(20))
