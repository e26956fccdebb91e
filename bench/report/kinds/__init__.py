"""The reports: a folder for each kind."""
