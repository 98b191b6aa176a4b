import pdb
import sys

try:
    {}["missing"]
except KeyError:
    pdb.post_mortem()
print("after", file=sys.stderr)
