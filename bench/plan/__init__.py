"""What to run: cells, their order, their length."""
