"""The units in the header of an EDF or BDF file, which MNE does not hand on."""

from pathlib import Path

ANNOTATIONS = ("EDF Annotations", "BDF Annotations")  # labels of signals that hold text


def edf_units(path: Path) -> list[str]:
    """Unit of each signal of the file in order, as the header spells it; annotations are left out.

    Kemp et al., Electroenceph. clin. Neurophysiol. 1992: 256 bytes, then for all signals labels of 16 bytes,
    transducers of 80 and units of 8.
    """
    with open(path, "rb") as file:
        n_signals = int(file.read(256)[252:])
        labels = [file.read(16).decode("latin-1").strip() for _ in range(n_signals)]
        file.seek(80 * n_signals, 1)
        units = [file.read(8).decode("latin-1").strip() for _ in range(n_signals)]
    return [unit for label, unit in zip(labels, units, strict=True) if label not in ANNOTATIONS]
