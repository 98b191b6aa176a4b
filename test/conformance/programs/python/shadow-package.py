import re

print(re.__file__, re.name)
import math

print(math.pi > 3, math.__spec__.origin)
