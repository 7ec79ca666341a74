"""Plays a recorded file as live LSL streams: every sample and marker once, at exact stamps, at any speed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path

from realtime.errors import BadInput
from realtime.recordings.read import read_recording
from realtime.recordings.recording import Recording
from realtime.simulation.outlet import LiveOutlet, OutletProcess, OutletTotals, SampleBlock, play_blocks

CHUNK_WALL_S = 0.02  # wall time between two pushes
MARKER_LEAD_S = 0.3  # markers are sent this much stream time before their sample
MARKER_LEAD_WALL_S = 0.2  # and at least this much wall time: a busy machine delivers so late


@dataclass(frozen=True)
class Playback:
    """A recorded file as live LSL streams NAME and NAME-markers, in microvolts."""

    file: Path
    speed: float = 1.0  # stream seconds per second; above 1 the stamps run ahead of the clock
    loop: bool = False  # start again at the end, stamps going on
    stream: str | None = None  # name of the signal to play, of an XDF file that holds several
    name: str | None = None  # name of the stream; left out: that of the file without its suffix
    wait: bool = True  # hold the first sample until somebody listens

    @property
    def stream_name(self) -> str:
        """Name of the signal stream."""
        return self.name or self.file.stem


def play_recording(playback: Playback, report: Callable[[str], None], stopped: Callable[[], bool]) -> OutletTotals:
    """Stream the file until its end or until `stopped()`; `BadInput` if it cannot be read or speed is not above 0."""
    if not playback.speed > 0:
        raise BadInput(f"--speed is {playback.speed:g}, it must be above 0; 1 is as recorded")
    recording = read_recording(playback.file, stream=playback.stream, finite=False)
    outlet = LiveOutlet(playback.stream_name, recording.sfreq, recording.ch_names)
    report("ready")
    try:
        if playback.wait:
            report(outlet.wait_for_listeners(stopped))
        lead_s = max(MARKER_LEAD_S, MARKER_LEAD_WALL_S * playback.speed)
        chunk = max(1, round(CHUNK_WALL_S * playback.speed * recording.sfreq))
        blocks = _blocks(recording, chunk, lead_s, playback.loop)
        return play_blocks(outlet, blocks, stopped, playback.speed, lead_s / playback.speed)
    finally:
        outlet.close()


def replay_process(
    file: Path, speed: float = 1.0, loop: bool = False, name: str | None = None, wait: bool = True
) -> OutletProcess:
    """Play in a child process, so that this process's own LSL is unaffected; the streams are up when it returns."""
    return OutletProcess(play_recording, Playback(Path(file), speed, loop, name=name, wait=wait))


def _blocks(recording: Recording, chunk: int, lead_s: float, loop: bool) -> Iterator[SampleBlock]:
    """Blocks of at most `chunk` rows, none across a hole, with the markers due before `lead_s` after their end."""
    holes = [row for row, _ in recording.gaps]
    markers = _markers(recording, loop)
    marker = next(markers, None)
    for repeat in count() if loop else range(1):
        for begin, end in pairwise([0, *holes, len(recording.samples)]):
            for row in range(begin, end, chunk):
                samples = recording.samples[row : min(row + chunk, end)]
                first = _sample_number(recording, repeat, row)
                due: list[tuple[int, str]] = []
                while marker and marker[0] <= first + len(samples) - 1 + lead_s * recording.sfreq:
                    due.append(marker)
                    marker = next(markers, None)
                yield SampleBlock(first, samples, due)


def _markers(recording: Recording, loop: bool) -> Iterator[tuple[int, str]]:
    for repeat in count() if loop and recording.markers else range(1):
        for row, label in recording.markers:
            yield _sample_number(recording, repeat, row), label


def _sample_number(recording: Recording, repeat: int, row: int) -> int:
    """Number of a row in the stream, which includes every lost sample before it."""
    n_samples = len(recording.samples) + sum(lost for _, lost in recording.gaps)
    return repeat * n_samples + row + sum(lost for hole, lost in recording.gaps if hole <= row)
