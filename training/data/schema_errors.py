"""The fault of a dataset file in one sentence: key, value, what is needed, what to do."""

import difflib
from typing import Any

from pydantic import BaseModel, ValidationError

from training.data.readers.splits import SplitRule
from training.data.schema import Channels, DatasetFile, Files, ImageTargets, Preprocess, Simulate, TextTargets

SECTIONS: dict[str, type[BaseModel]] = {
    "files": Files,
    "channels": Channels,
    "preprocess": Preprocess,
    "simulate": Simulate,
    "splits": SplitRule,
}


def describe_error(error: ValidationError, raw: dict[str, Any]) -> str:
    """The first fault that pydantic reports for the file's content `raw`."""
    errors = error.errors()
    # A misspelt key is also missing under its right name; the misspelling is what helps.
    first = next((entry for entry in errors if entry["type"] == "extra_forbidden"), errors[0])
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    keys, value = _locate(first["loc"], raw)
    missing = first["type"] == "missing" and isinstance(first["loc"][-1], str)
    if missing:
        keys.append(str(first["loc"][-1]))
    section = _section(keys[0], raw) if len(keys) > 1 else None
    model, name = (section, keys[1]) if section else (DatasetFile, keys[0])
    dotted = ".".join(keys)
    if name not in model.model_fields:
        near = difflib.get_close_matches(name, model.model_fields, n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it."
        return f"{dotted} is {value!r}, but only the keys {', '.join(model.model_fields)} are known here; {hint}"
    need = model.model_fields[name].description
    return f"{dotted} is missing, but needs {need}; add it." if missing else f"{dotted} is {value!r}, but needs {need}."


def _locate(loc: tuple[Any, ...], raw: Any) -> tuple[list[str], Any]:
    """The keys that lead to the fault, and the value there; pydantic mixes the names of alternatives in with them."""
    keys: list[str] = []
    value: Any = raw
    for key in loc:
        if (isinstance(value, dict) and key in value) or (isinstance(value, list) and key in range(len(value))):
            keys.append(str(key))
            value = value[key]
    return keys, value


def _section(key: str, raw: dict[str, Any]) -> type[BaseModel] | None:
    if key != "targets":
        return SECTIONS.get(key)
    return ImageTargets if {"images", "stimuli"} & set(raw["targets"]) else TextTargets
