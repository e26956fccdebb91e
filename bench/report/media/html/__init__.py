"""report.html: the report as one file that needs no network, told in the words of report.md."""
