"""Runs trials of scripts, one after the other, each in a fork that finds what an interpreter has imported.

python -m tests.execute.workers.try_scripts REQUESTS.json
"""

import gc
import json
import os
import socket
import sys
from pathlib import Path

import torch

from bench.execute.workers.loading import Loaded
from bench.execute.workers.script import Script
from bench.execute.workers.trial_start import run_trial
from bench.measure.ticks import TURN


def main():
    torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)  # brings torch's compiler along, for all forks
    gc.collect()  # so that something is old, by which the collector of a trial is measured
    for asked in json.loads(Path(sys.argv[1]).read_text()):
        scratch = Path(asked["scratch"])
        scratch.mkdir()
        parent, control = socket.socketpair()
        parent.sendall(b"".join(map(TURN.pack, (5, 3, 0))))
        pid = os.fork()
        if pid == 0:
            try:
                script = Script.of(asked["script"])
                loaded = Loaded(train=None, import_s=0.0, script=script, inherited_bytes=0)
                script.prepare()
                run_trial(loaded, asked, [control.detach()])
                os._exit(0)
            finally:
                os._exit(70)  # else it would go on with the trials of its parent
        (scratch / "exit_code").write_text(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])))


if __name__ == "__main__":
    main()
