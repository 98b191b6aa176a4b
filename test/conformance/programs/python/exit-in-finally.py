# An exit on its way meets handlers, and finally replaces it.
import sys

try:
    try:
        sys.exit(3)
    except SystemExit as error:
        print("caught", error.code)
        raise
    finally:
        print("finally")
except BaseException as error:
    print(type(error).__name__)
    sys.exit(4)
