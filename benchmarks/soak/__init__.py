"""A simulated day of stream with faults, compared with offline decoding."""
