"""One cell: what its trials are evidence of, its figures, its counts and its arithmetic."""
