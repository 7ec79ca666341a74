"""`glimpse replay`: a recorded file as live LSL streams."""

import time
from dataclasses import dataclass
from pathlib import Path

import tyro

from realtime.command_line import TYRO_CONFIG
from realtime.simulation.replay import Playback, play_recording


@dataclass(frozen=True)
class Replay(Playback):
    """Play a recorded file as live LSL streams NAME and NAME-markers, in microvolts."""

    file: tyro.conf.Positional[Path]  # XDF, EDF, BDF, FIF, CSV, npz: anything `glimpse data check` reads


def main(argv: list[str]) -> int:
    """`glimpse replay FILE`: returns 0 at the end of the file or on Ctrl-C; raises BadInput if it cannot be read."""
    options = tyro.cli(Replay, args=argv, prog="glimpse replay", config=TYRO_CONFIG)
    started = time.monotonic()
    try:
        sent = play_recording(options, lambda word: print(f"{options.stream_name}: {word}", flush=True), lambda: False)
    except KeyboardInterrupt:
        print(f"{options.stream_name}: stopped")
        return 0
    seconds = time.monotonic() - started
    print(f"{options.stream_name}: sent {sent.samples} samples and {sent.markers} markers in {seconds:.1f} s")
    return 0
