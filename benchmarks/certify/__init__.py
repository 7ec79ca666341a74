"""What this machine can hold, measured, as a page."""
