import dataclasses
import enum
import typing


class Colour(enum.Enum):
    RED = 1
    GREEN = enum.auto()


class Named(typing.NamedTuple):
    name: str
    size: int = 1


@dataclasses.dataclass(frozen=True, slots=True)
class Item[T]:
    value: T
    colour: Colour = Colour.RED


def first[T: (int, str)](items: list[T], *, default: "T | None" = None) -> T | None:
    return items[0] if items else default


type Pairs[K] = dict[K, list[K]]
print(Item(3), Colour.GREEN, Named("n"), typing.get_type_hints(first), Pairs, Pairs.__value__)
print(typing.get_type_hints(Item), first.__annotations__, first.__type_params__)
print(list(Colour), Colour["RED"] is Colour(1))
match Item(3):
    case Item(value=int(n)) if n > 2:
        print("matched", n)
Item(1).value = 2
