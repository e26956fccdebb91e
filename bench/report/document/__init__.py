"""What reports are made of, whichever they are: words, numbers, tables."""
