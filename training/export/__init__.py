"""Export: from a run to a bundle."""
