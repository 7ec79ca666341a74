"""The server: sessions, messages to many clients, metrics and the page."""
