"""What a verb found, in the parts that every way of telling it is made of: terminal, CI, JUnit."""
