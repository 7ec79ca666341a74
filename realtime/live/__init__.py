"""Live decoding: one engine, its sessions, and the threads that read their streams."""
