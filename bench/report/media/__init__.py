"""How a report is told: as a page, in a terminal, to a CI system."""
