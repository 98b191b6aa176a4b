# Clocks and counters are plausible and move on.
import resource
import time

for clock in (time.time, time.monotonic, time.perf_counter, time.process_time, time.thread_time):
    first = clock()
    while clock() == first:
        pass
    print(clock.__name__, clock() > first >= 0)
print(time.process_time() < 5, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 1000)
print(time.get_clock_info("monotonic"), time.tzname)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime)
