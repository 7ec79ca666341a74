"""`glimpse replay`: a recorded file as live LSL streams."""

import time

import tyro

from realtime.command_line import TYRO_CONFIG
from realtime.simulation.replay import Replay, play_recording


def main(argv: list[str]) -> int:
    """`glimpse replay FILE`: returns 0 at the end of the file or on Ctrl-C; raises BadInput if it cannot be read."""
    options = tyro.cli(Replay, args=argv, prog="glimpse replay", config=TYRO_CONFIG)
    name = options.name or options.file.stem
    started = time.monotonic()
    try:
        sent = play_recording(options, lambda word: print(f"{name}: {word}", flush=True), lambda: False)
    except KeyboardInterrupt:
        print(f"{name}: stopped")
        return 0
    seconds = time.monotonic() - started
    print(f"{name}: sent {sent.samples} samples and {sent.markers} markers in {seconds:.1f} s")
    return 0
