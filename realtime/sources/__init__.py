"""Sources of live samples: LSL and FieldTrip."""
