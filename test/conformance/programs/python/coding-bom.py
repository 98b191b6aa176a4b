# This file begins with a byte order mark.
import sys

print("bom", __file__, len(open(__file__, "rb").read(3)))
raise ValueError("ü")
