"""What protects the server from requests that it should not answer."""
