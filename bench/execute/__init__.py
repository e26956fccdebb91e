"""In which process a trial runs."""
