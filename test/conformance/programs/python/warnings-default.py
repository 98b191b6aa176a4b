# Which warnings show without any option: those of __main__, and not those of modules.
import sys
import warnings

print(warnings.filters, warnings.defaultaction, warnings.showwarning.__module__)
warnings.warn("plain")
warnings.warn("old", DeprecationWarning)
warnings.warn("later", PendingDeprecationWarning)
warnings.warn("import", ImportWarning)
warnings.warn("resource", ResourceWarning)
for _ in range(2):
    warnings.warn("once per place", FutureWarning)


def helper():
    warnings.warn("points to the caller", UserWarning, stacklevel=2)


helper()
helper()
open("x", "w")
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    warnings.warn("caught")
    print([str(item.message) for item in caught])
sys.stdout.flush()
warnings.simplefilter("error")
warnings.warn("now an error")
