"""Pickled arrays, read without trusting the file.

A pickle can name any function and have it called. This loader builds plain Python containers, text, numbers and arrays,
and refuses every other global by name before anything is called. NumPy's own unpickling functions are not used either:
stand-ins check the shape, the type and the length of each array and then view its bytes.
"""

import io
import math
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np

from realtime.errors import BadInput

NPY = b"\x93NUMPY"
KINDS = "biufcUS"  # of arrays: no objects, no records
ONLY = "only arrays, text, numbers, lists and dicts are read"


class _Refused(pickle.UnpicklingError):
    """The pickle asks for something that an array does not need."""


class _Marker:
    """Stands for `numpy.ndarray`, which a pickle names and never calls."""

    __slots__ = ()


class _Dtype:
    """A NumPy data type in the making."""

    __slots__ = ("order", "text")

    def __init__(self, text: object, align: object = False, copy: object = False):
        if not isinstance(text, str) or align or text[:1] not in f"{KINDS}O":
            raise _Refused(f"an array of type {text!r}")
        self.text, self.order = text, "="

    def __setstate__(self, state: object) -> None:
        """The rest of the type's pickle: of a plain type, only its byte order says anything."""
        if not isinstance(state, tuple) or len(state) < 8 or state[1] not in ("<", ">", "|", "="):
            raise _Refused(f"an array type with state {state!r}")
        if any(field is not None for field in state[2:5]):
            raise _Refused("an array of records")
        self.order = str(state[1])

    def dtype(self) -> np.dtype:
        """The type itself; an object type has no bytes and is refused."""
        if self.text.startswith("O"):
            raise _Refused("an array of objects")
        kind = np.dtype(self.text)
        if self.order in ("|", "="):
            return kind
        return kind.newbyteorder("<") if self.order == "<" else kind.newbyteorder(">")


class _Array:
    """An array in the making."""

    __slots__ = ("value",)

    def __init__(self, *_: object) -> None:
        self.value: object = None

    def __setstate__(self, state: object) -> None:
        """Version, shape, type, order and bytes, as NumPy writes them."""
        if not isinstance(state, tuple) or len(state) != 5 or not isinstance(state[2], _Dtype):
            raise _Refused("an array in an unknown form")
        _, shape, dtype, fortran, data = state
        if dtype.text.startswith("O"):  # the cover that np.save puts round a dict: one element, no axes
            if shape != () or not isinstance(data, list) or len(data) != 1:
                raise _Refused("an array of objects")
            self.value = data[0]
        else:
            self.value = _view(data, dtype, shape, "F" if fortran else "C")


class _Call:
    """A global that an array pickle may name: calls `make`, and takes no state."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]):
        self._make = make

    def __call__(self, *args: object) -> object:
        return self._make(*args)

    def __setstate__(self, state: object) -> None:
        """Refused: nothing changes what a global does."""
        raise _Refused("a global with a state")


def _view(data: object, dtype: _Dtype, shape: object, order: object) -> np.ndarray:
    kind = dtype.dtype()
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise _Refused(f"an array of shape {shape!r}")
    if not isinstance(data, bytes | bytearray) or len(data) != math.prod(shape) * kind.itemsize:
        raise _Refused(f"an array of shape {shape} whose bytes do not fill it")
    return np.frombuffer(data, kind).reshape(shape, order="F" if order == "F" else "C")


def _from_buffer(data: object, dtype: object, shape: object, order: object) -> np.ndarray:
    if not isinstance(dtype, _Dtype):
        raise _Refused("an array without a type")
    return _view(data, dtype, shape, order)


def _scalar(dtype: object, data: object) -> object:
    if not isinstance(dtype, _Dtype):
        raise _Refused("a number without a type")
    return _view(data, dtype, (), "C").item()


def _encode(text: object, encoding: object) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise _Refused(f"text encoded as {encoding!r}")
    return text.encode("latin1")


def _globals() -> dict[tuple[str, str], object]:
    """What an array pickle names, by NumPy 1 and 2; made afresh for each file, so that none changes the next."""
    table: dict[tuple[str, str], object] = {
        ("numpy", "ndarray"): _Marker(),
        ("numpy", "dtype"): _Call(_Dtype),
        ("_codecs", "encode"): _Call(_encode),
    }
    for core in ("numpy.core", "numpy._core"):
        table[f"{core}.multiarray", "_reconstruct"] = _Call(_Array)
        table[f"{core}.multiarray", "scalar"] = _Call(_scalar)
        table[f"{core}.numeric", "_frombuffer"] = _Call(_from_buffer)
    return table


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self._named = _globals()

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._named:
            raise _Refused(f"{module}.{name}")
        return self._named[module, name]


def is_bare_pickle(path: Path) -> bool:
    """Whether a file is a pickle without a header, whatever its name says."""
    with path.open("rb") as file:
        return file.read(1) == b"\x80"


def load_arrays(path: Path) -> object:
    """What a pickle holds, bare or inside an npy file: dicts, lists, text, numbers and arrays.

    The whole file is read into memory. Raises BadInput for a pickle that names anything else, and for a truncated file.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(NPY)) == NPY:
                file.seek(0)
                return _load_npy(file)
            file.seek(0)
            return _plain(_Unpickler(file).load())
    except _Refused as error:
        raise BadInput(
            f"{path}: the pickle holds {error}, but {ONLY}; nothing of it was run: get the file from its publisher."
        ) from None
    except OSError as error:
        raise BadInput(f"{path}: cannot be read ({error.strerror}); check the path.") from error
    except MemoryError as error:
        raise BadInput(
            f"{path}: needs more memory than there is; close other programs or use a larger machine."
        ) from error
    except Exception as error:  # a cut or forged pickle raises whatever its last opcode meets
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadInput(f"{path}: the file is cut short or damaged ({reason}); copy or download it again.") from error


def _load_npy(file: BinaryIO) -> object:
    major = np.lib.format.read_magic(file)[0]
    read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        if shape != ():
            raise _Refused("an array of objects")
        return _plain(_Unpickler(file).load())
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)


def _plain(found: object) -> object:
    """The containers with finished arrays in them."""
    if isinstance(found, _Array):
        return _plain(found.value)
    if isinstance(found, dict):
        return {_plain(key): _plain(value) for key, value in found.items()}
    if isinstance(found, list):
        return found if all(isinstance(one, str) for one in found) else [_plain(one) for one in found]
    if isinstance(found, tuple):
        return tuple(_plain(one) for one in found)
    if isinstance(found, np.ndarray | str | bytes | int | float | bool | None):
        return found
    raise _Refused(f"a {type(found).__name__.strip('_')}")


def is_complete(path: Path) -> bool:
    """Whether a pickle or an npy file ends where it should, as far as its ends tell; reads a few bytes only."""
    with path.open("rb") as file:
        head = file.read(len(NPY))
        if head == NPY:
            file.seek(0)
            major = np.lib.format.read_magic(file)[0]
            read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            if not dtype.hasobject:
                return path.stat().st_size >= file.tell() + math.prod(shape) * dtype.itemsize
        file.seek(-1, io.SEEK_END)
        return file.read(1) == b"."  # the opcode that ends every pickle
