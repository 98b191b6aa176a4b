import argparse

parser = argparse.ArgumentParser(description="what it does")
parser.add_argument("--count", type=int, default=1, help="how many")
parser.add_argument("name")
print(parser.prog)
parser.print_help()
print(parser.parse_args(["--count", "3", "x"]))
parser.parse_args(["--count", "many"])
