"""Writes BrainVision recordings."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_brainvision(
    vhdr: Path, samples: np.ndarray, ch_names: Sequence[str], sfreq: float, markers: Sequence[tuple[int, str]] = ()
) -> None:
    """Write microvolts (n_times, n_channels) as 16-bit numbers of 0.1 microvolts, with stimulus markers at rows."""
    stem = vhdr.stem
    np.rint(samples * 10).astype("<i2").tofile(vhdr.with_suffix(".eeg"))
    lines = [
        "Brain Vision Data Exchange Header File Version 1.0",
        "",
        "[Common Infos]",
        "Codepage=UTF-8",
        f"DataFile={stem}.eeg",
        f"MarkerFile={stem}.vmrk",
        "DataFormat=BINARY",
        "DataOrientation=MULTIPLEXED",
        f"NumberOfChannels={len(ch_names)}",
        f"SamplingInterval={1e6 / sfreq:g}",
        "",
        "[Binary Infos]",
        "BinaryFormat=INT_16",
        "",
        "[Channel Infos]",
        *(f"Ch{i}={name},,0.1,µV" for i, name in enumerate(ch_names, start=1)),
    ]
    vhdr.write_text("\n".join(lines) + "\n", encoding="utf-8")
    lines = [
        "Brain Vision Data Exchange Marker File, Version 1.0",
        "",
        "[Common Infos]",
        "Codepage=UTF-8",
        f"DataFile={stem}.eeg",
        "",
        "[Marker Infos]",
        "Mk1=New Segment,,1,1,0,20210101120000000000",
        *(f"Mk{i}=Stimulus,{text},{row + 1},1,0" for i, (row, text) in enumerate(markers, start=2)),
    ]
    vhdr.with_suffix(".vmrk").write_text("\n".join(lines) + "\n", encoding="utf-8")
