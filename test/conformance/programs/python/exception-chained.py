# An uncaught exception with an explicit and an implicit cause, through several frames.
class ConfigError(Exception):
    pass


def read(name):
    return {"a": 1}[name]


def load(name):
    try:
        return read(name)
    except KeyError as error:
        raise ConfigError(f"no setting {name!r}") from error


def main():
    try:
        load("b")
    except ConfigError:
        int("not a number")


main()
