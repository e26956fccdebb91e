"""The releases of an index, and the real ones of the frameworks: each trains what the hand-written loop trains."""

import json
import os
import subprocess
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from bench.errors import IndexUnreachableError, UninstallableError
from bench.execute.environments import cache, pip
from bench.records.schema import Release

FILES = [
    {"filename": "tiny-1.0-py3-none-any.whl", "upload-time": "2024-05-02T10:00:00Z"},
    {"filename": "tiny-1.0.tar.gz", "upload-time": "2024-05-01T09:30:00.5Z"},
    {"filename": "tiny-1.1rc1-py3-none-any.whl"},
    {"filename": "tiny-1.2-py3-none-any.whl", "yanked": "it was wrong"},
    {"filename": "tiny-1.3-py3-none-any.whl", "requires-python": ">=99"},
    {"filename": "tiny-1.4.tar.gz"},
    {"filename": "tiny-of-no-version.tar.gz"},
    {"filename": "tiny-1.10-py3-none-any.whl"},
    {"filename": "tiny-1.9-py3-none-any.whl", "upload-time": "2024-06-01T00:00:00Z"},
]


class Index(BaseHTTPRequestHandler):
    """An index with one package."""

    def do_GET(self) -> None:
        page = {
            "meta": {"api-version": "1.1"},
            "name": "tiny",
            "files": [{"url": f"/{f['filename']}", "hashes": {}, **f} for f in FILES],
        }
        self.send_response(200 if self.path == "/simple/tiny/" else 404)
        self.send_header("Content-Type", pip.SIMPLE_JSON)
        self.end_headers()
        self.wfile.write(json.dumps(page).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def index(monkeypatch):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever).start()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{server.server_port}/simple")
    yield
    server.shutdown()
    server.server_close()


def test_final_releases_that_fit_oldest_first_with_their_dates(index):
    assert pip.releases("tiny") == [
        Release(version="1.0", uploaded=datetime(2024, 5, 1, 9, 30, 0, 500_000, tzinfo=UTC)),
        Release(version="1.9", uploaded=datetime(2024, 6, 1, tzinfo=UTC)),
        Release(version="1.10", uploaded=None),
    ]


def test_a_package_that_the_index_does_not_have(index):
    with pytest.raises(UninstallableError, match=r"^The index has nothing that fits other and Python"):
        pip.releases("other")


@pytest.fixture(scope="module")
def transformers_releases() -> list[Release]:
    try:
        return pip.releases("transformers")
    except IndexUnreachableError as error:
        pytest.skip(str(error))


@pytest.mark.network
def test_withdrawn_and_preliminary_releases_of_transformers_are_left_out(transformers_releases):
    versions = [release.version for release in transformers_releases]
    assert {"4.46.3", "4.47.1", "4.57.6", "5.0.0"} <= set(versions)
    assert not {"4.46.0", "4.57.0", "5.0.0rc0"} & set(versions)
    assert versions.index("4.9.2") < versions.index("4.10.0")


DIGESTS = """
import json, sys, tempfile
import torch
from bench.measure.fingerprint import Recorder
from trainloops import parts, runners
from trainloops.contract import Job

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)
digests = []
for settings in ({}, {"grad_accumulation": 2, "grad_clip": 0.1}):
    job = Job(workload="mlp", batch_size=8, epochs=2, steps_per_epoch=5, output_dir=tempfile.mkdtemp(), **settings)
    for name in ["pytorch", *sys.argv[1:]]:
        recorder = Recorder(parts.build(job))
        runners.load(name)(job, recorder.parts)
        digests.append(recorder.result()["weights_sha256"])
print(json.dumps(digests))
"""


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize(
    ("text", "runners"),
    [
        ("transformers==4.34.1 accelerate==0.24.1", ["accelerate", "hf-trainer"]),
        ("transformers==4.47.1 accelerate==0.34.2", ["accelerate", "hf-trainer"]),
        ("transformers==4.57.6", ["accelerate", "hf-trainer"]),
        ("pytorch-lightning==2.1.4 setuptools==80.9.0", ["lightning", "fabric"]),
    ],
)
def test_old_releases_do_the_same_arithmetic(transformers_releases, text, runners):
    python = cache.obtain(text).python
    command = [python, "-c", DIGESTS, *runners]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    plain, accumulated = np.array(json.loads(done.stdout.splitlines()[-1])).reshape(2, -1)
    assert len(set(plain)) == len(set(accumulated)) == 1
    assert plain[0] != accumulated[0]
