"""The two ways a person's input can be wrong; knows nothing of where the input came from."""


class BadInput(ValueError):
    """A file, an argument or a request cannot be used: one sentence with what was found, what is needed, what to do."""


class StreamLost(ConnectionError):
    """A live stream ended or its connection broke; the same source may come back."""
