"""What the records mean; pure functions."""
