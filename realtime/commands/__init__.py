"""The commands of `glimpse` that need no torch and no server."""
