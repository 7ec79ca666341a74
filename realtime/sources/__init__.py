"""Where samples come from: LSL, a FieldTrip buffer, and what stands in for an amplifier: a replay, a simulation."""
