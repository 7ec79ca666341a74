"""Graph layers over sensors."""
