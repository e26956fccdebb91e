"""The files of a trial's scratch folder, by which the worker and its parent know them."""

RESULT = "result.json"
LOG = "output.log"
TRACE = "trace.json.gz"
