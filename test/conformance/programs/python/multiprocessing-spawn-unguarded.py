# Without the guard a spawned child runs the program again: a famous mistake with a long traceback.
import multiprocessing

multiprocessing.set_start_method("spawn")
process = multiprocessing.Process(target=print, args=("x",))
process.start()
process.join()
print(process.exitcode)
