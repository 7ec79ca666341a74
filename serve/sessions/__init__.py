"""Sessions of the server, their clients and their outputs."""
