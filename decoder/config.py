"""What the values of a network's config may be: types of fields, and the sentence for a value that cannot be."""

from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

# Strict: else true would pass for 1, "40" for a number, and a misspelt key for none. Checks are built at the first use.
STRICT = ConfigDict(strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)

Size = Annotated[int, Field(ge=1, description="a whole number, 1 or more")]
Count = Annotated[int, Field(ge=0, description="a whole number, 0 or more")]
Positive = Annotated[float, Field(gt=0, description="a number above 0")]
Amount = Annotated[float, Field(ge=0, description="a number, 0 or more")]
Share = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
Sizes = Annotated[tuple[Size, ...], Field(min_length=1)]
Positives = Annotated[tuple[Positive, ...], Field(min_length=1)]
Amounts = Annotated[tuple[Amount, ...], Field(min_length=1)]


def first_fault(error: ValidationError, config: type, values: dict[str, Any]) -> tuple[str, Any, str]:
    """The first field of a dataclass whose value among `values` its type does not allow, the value, and its need."""
    name = str(error.errors()[0]["loc"][0])
    return name, values.get(name), requirement(config.__dataclass_fields__[name].type)  # type: ignore[attr-defined]


def requirement(kind: Any) -> str:
    """What a value of this type needs to be, in words."""
    if get_origin(kind) in (Union, UnionType):
        (kind,) = (option for option in get_args(kind) if option is not NoneType)
    if get_origin(kind) is Annotated:
        kind, *metadata = get_args(kind)
        for entry in metadata:
            if isinstance(entry, FieldInfo) and entry.description:
                return entry.description
    if get_origin(kind) is dict:
        return "values by name"
    if get_origin(kind) is not tuple:
        return {bool: "true or false", str: "a name"}.get(kind, "a value of another kind")
    item, *others = get_args(kind)
    if get_origin(item) is not Annotated:
        return "a list"
    n = None if others == [...] else 1 + len(others)
    return f"a list of {n or 'one or more'}, each {requirement(item)}"
