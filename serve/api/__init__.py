"""Routes and sockets of the server."""
