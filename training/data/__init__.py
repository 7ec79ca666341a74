"""From dataset files to recordings, and from recordings to training examples."""
