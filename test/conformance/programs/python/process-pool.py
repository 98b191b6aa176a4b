import concurrent.futures
import os


def work(n):
    if n == 3:
        os._exit(1)
    return n


def gentle(n):
    return n + 1


if __name__ == "__main__":
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        print(list(pool.map(gentle, range(5))))
    with concurrent.futures.ProcessPoolExecutor(1) as pool:
        try:
            print(pool.submit(work, 3).result())
        except concurrent.futures.process.BrokenProcessPool as error:
            print("broken:", error)
