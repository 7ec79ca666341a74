"""Errors that a person's input can cause, wherever the input comes from."""

from pathlib import Path


class BadInput(ValueError):
    """A file, an argument or a request cannot be used; one sentence: what was found, what is needed, what to do."""


class UnusableStream(BadInput):
    """A live stream exists, but its header says that it cannot be used."""


class StreamLost(ConnectionError):
    """A live stream ended or its connection broke; the same source may come back."""


def check_folder_of(file: Path | None, flag: str) -> None:
    """Raise BadInput if `file`, given by `flag`, is a folder or stands in a folder that does not exist; None passes."""
    if file is not None and file.is_dir():
        raise BadInput(f"{flag}: {file} is a folder, a file is needed; give it a name in there")
    if file is not None and not file.absolute().parent.is_dir():
        raise BadInput(f"{flag}: {file} cannot be written, there is no folder {file.absolute().parent}; make it first")


def check_schema_version(version: object, newest: int, where: str) -> None:
    """Raise BadInput where a file at `where` has a schema number above `newest`; None is a file without a number."""
    if version is not None and (isinstance(version, bool) or not isinstance(version, int) or version < 1):
        raise BadInput(f"{where}: key 'schema_version' is {version!r}, a whole number from 1 is needed; write it again")
    if version is not None and version > newest:
        raise BadInput(
            f"{where}: schema_version is {version}, this Glimpse reads up to {newest}; install a newer Glimpse"
        )
