"""The commands of `glimpse` that train, evaluate and export."""
