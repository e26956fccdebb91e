"""With which instrument; runs in the child only."""
