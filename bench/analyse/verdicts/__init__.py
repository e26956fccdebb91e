"""Whether one side is worse than the other: two environments of a check, or two stored runs."""
