"""The commands of `glimpse` that measure."""
