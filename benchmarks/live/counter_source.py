"""A source whose stream carries its own sample numbers, so that lost samples are counted without the stamps."""

from typing import Any

from benchmarks.common.amplifiers import COUNTER, CYCLE
from realtime.stream import Chunk, Marker, Source


class CounterSource:
    """Passes the samples of a source on and checks its channel COUNT.

    `received`: number of samples. `lost`: samples that the numbers skip. `misnumbered`: samples whose index in their
    chunk advanced by another amount than the number did.
    """

    def __init__(self, source: Source):
        self._source = source
        self._column = source.info.ch_names.index(COUNTER)
        self._offset: int | None = None  # from a chunk's index to the stream's number
        self._next: int | None = None
        self.received = self.lost = self.misnumbered = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def pull(self, *args: Any, **kwargs: Any) -> tuple[list[Chunk], list[Marker]]:
        """The source's chunks and markers, after the check."""
        chunks, markers = self._source.pull(*args, **kwargs)
        for chunk in chunks:
            self._check(chunk)
        return chunks, markers

    def _check(self, chunk: Chunk) -> None:
        for k, value in enumerate(chunk.samples[:, self._column]):
            number = round(float(value))
            if self._next is not None:
                self.lost += (number - self._next) % CYCLE
            if self._offset is None:
                self._offset = number - chunk.index
            self.misnumbered += (chunk.index + k + self._offset - number) % CYCLE != 0
            self._next = (number + 1) % CYCLE
        self.received += len(chunk.samples)
