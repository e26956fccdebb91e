"""On the import path of tests' workers: what each interpreter would import for 2 s, all are forked with.

That is torch's compiler, which comes with the first optimizer. The workers of a user import it in each interpreter,
after its framework (`bench.execute.workers.worker`), and so do those of `tests/test_run.py`'s run of all loops.
"""

import sys

if "bench.execute.workers.worker" in sys.orig_argv:
    import torch._dynamo  # noqa: F401
