"""The commands of `glimpse` that start a server."""
