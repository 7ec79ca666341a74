"""A recorded file for replays."""

LABELS = ("Fz", "Cz", "Pz", "Oz")


MARKERS = ((0, "first"), (250, "second"), (251, "third"), (1999, "last"))
