"""Signal quality: bad channels and artifacts."""
