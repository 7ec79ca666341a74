"""Sensors: channel names, positions, units, and the head that they sit on."""
