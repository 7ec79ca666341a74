"""Live decoding: one engine, its sessions, and the threads that follow their streams through loss and return."""
