"""What the verbs share: their options, the way from a plan to a report, and how they end."""
