"""The machine: what it is, what state it is in and what others do on it. Read from outside of the loops."""
