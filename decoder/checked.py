"""What the values of a config may be, said by the types of its fields and checked in one place."""

import dataclasses
import math
from collections.abc import Callable
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

Count = Annotated[int, "0 or more"]  # a plain int is 1 or more
Amount = Annotated[float, "0 or more"]  # a plain float is above 0
Share = Annotated[float, "0 to 1"]


def number(value: Any, kind: Any = Real) -> bool:
    """Whether it is a finite number, which for once true and false are not."""
    return isinstance(value, kind) and not isinstance(value, bool) and math.isfinite(value)


ALLOWED: dict[Any, tuple[str, Callable[[Any], bool]]] = {
    int: ("a whole number, 1 or more", lambda value: number(value, Integral) and value >= 1),
    Count: ("a whole number, 0 or more", lambda value: number(value, Integral) and value >= 0),
    float: ("a number above 0", lambda value: number(value) and value > 0),
    Amount: ("a number, 0 or more", lambda value: number(value) and value >= 0),
    Share: ("a number from 0 to 1", lambda value: number(value) and 0 <= value <= 1),
    bool: ("true or false", lambda value: isinstance(value, bool)),
    str: ("a name", lambda value: isinstance(value, str)),
}


def check(config: Any) -> None:
    """ValueError for the first field of a dataclass whose value its type does not allow.

    Numbers, names and rows of numbers are checked; which names there are, and what is nested deeper, is left to the
    layer that reads it.
    """
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if needed := lacking(value, field.type):
            raise ValueError(f"{type(config).__name__}: {field.name} {value!r}, needs {needed}")


def lacking(value: Any, kind: Any) -> str | None:
    """What a value of this type needs to be and is not; None where nothing is wrong."""
    if get_origin(kind) in (Union, UnionType):
        if value is None:
            return None
        (kind,) = (option for option in get_args(kind) if option is not NoneType)
    if kind in ALLOWED:
        needed, fits = ALLOWED[kind]
        return None if fits(value) else needed
    if get_origin(kind) is dict:
        return None if isinstance(value, dict) else "values by name"
    if get_origin(kind) is not tuple:
        return None
    item, *others = get_args(kind)
    if item not in ALLOWED or item is str:  # which names there are knows only what reads them
        return None if isinstance(value, tuple) else "a list"
    needed, fits = ALLOWED[item]
    n = None if others == [...] else 1 + len(others)
    if isinstance(value, tuple) and value and n in (None, len(value)) and all(fits(one) for one in value):
        return None
    return f"a list of {n or 'one or more'}, each {needed}"
