"""How a report is told: as markdown, as a page, in a terminal, to a CI system."""
