import cProfile
import io
import pstats
import sys
import trace


def work(n):
    return sum(helper(i) for i in range(n))


def helper(i):
    return i * i


profile = cProfile.Profile()
profile.enable()
work(10)
profile.disable()
text = io.StringIO()
pstats.Stats(profile, stream=text).sort_stats("name").print_stats()
for line in text.getvalue().splitlines():
    if "main.py" in line or "function calls" in line:
        print(line.split()[0], line.split()[-1] if "main.py" in line else "")
events = []
sys.settrace(lambda frame, event, arg: events.append((event, frame.f_code.co_name, frame.f_lineno)))
helper(2)
sys.settrace(None)
print(events)
tracer = trace.Trace(count=1, trace=0, ignoredirs=[sys.prefix])
tracer.runfunc(work, 3)
print(sorted((line, count) for (name, line), count in tracer.results().counts.items() if name.endswith("main.py")))
