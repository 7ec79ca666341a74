"""The ways a person's input can be wrong; knows nothing of where the input came from."""

from pathlib import Path


class BadInput(ValueError):
    """A file, an argument or a request cannot be used: one sentence with what was found, what is needed, what to do."""


class UnusableStream(BadInput):
    """A live stream was found, and its header says that it cannot be used."""


class StreamLost(ConnectionError):
    """A live stream ended or its connection broke; the same source may come back."""


def check_folder_of(file: Path | None, flag: str) -> None:
    """BadInput, before any work is done, where `file`, given by `flag`, is a folder or has none to be written into."""
    if file is not None and file.is_dir():
        raise BadInput(f"{flag}: {file} is a folder, a file is needed; give it a name in there")
    if file is not None and not file.absolute().parent.is_dir():
        raise BadInput(f"{flag}: {file} cannot be written, there is no folder {file.absolute().parent}; make it first")
