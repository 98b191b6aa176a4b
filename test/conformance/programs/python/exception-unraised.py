# `raise` with nothing to raise, raising what is no exception, and a bad cause.
for text in ("raise", "raise 3", "raise ValueError from 3"):
    try:
        exec(text)
    except BaseException as error:
        print(type(error).__name__, error)
raise NotImplemented
