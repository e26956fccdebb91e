"""What the state of the machine means for figures."""
