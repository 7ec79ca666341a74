"""The report: figures as one HTML page."""
