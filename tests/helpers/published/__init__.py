"""Small folders in the exact layouts of the published data sets, with simulated signals and the real metadata."""
