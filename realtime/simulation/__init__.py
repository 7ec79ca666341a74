"""What stands in for an amplifier: a simulated brain, and recordings played back."""
