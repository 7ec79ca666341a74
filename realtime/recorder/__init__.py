"""The recorder: LSL streams written to XDF files."""
