import runpy
import sys

with open("other.py", "w") as file:
    file.write("import sys\nprint(__name__, __file__, sys.argv[0])\nresult = 6 * 7\n")
print(runpy.run_path("other.py", run_name="__main__")["result"])
print(runpy.run_module("other")["result"])
print(sys.argv, __name__)
exec(open("other.py").read())
print(result)
runpy.run_path("missing.py")
