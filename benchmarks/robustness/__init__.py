"""What bad channels and lost samples cost."""
