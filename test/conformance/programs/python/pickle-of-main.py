import copy
import dataclasses
import pickle
import subprocess
import sys


@dataclasses.dataclass(order=True)
class Point:
    x: int
    y: int = 0
    tags: list = dataclasses.field(default_factory=list)


point = Point(1, 2, ["a"])
data = pickle.dumps(point)
print(b"__main__" in data, pickle.loads(data) == point, copy.deepcopy(point), Point.__module__, Point.__qualname__)
with open("point.pickle", "wb") as file:
    file.write(data)
subprocess.run([sys.executable, "-c", "import pickle; pickle.load(open('point.pickle', 'rb'))"], stderr=sys.stdout)
try:
    pickle.dumps(lambda: 1)
except pickle.PicklingError as error:
    print(str(error).partition(" at 0x")[0])
pickle.loads(data.replace(b"Point", b"Paint"))
