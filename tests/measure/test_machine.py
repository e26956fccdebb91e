"""What a run says of where it was made."""

import importlib

from bench.measure import machine


def test_of_a_package_that_is_there_twice_the_first_on_the_path_counts(tmp_path, monkeypatch):
    for place, version in (("overlay", "1.0"), ("base", "2.0")):
        info = tmp_path / place / f"planted-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: planted\nVersion: {version}\n")
        monkeypatch.syspath_prepend(tmp_path / place)
    importlib.invalidate_caches()
    assert machine.describe()["packages"]["planted"] == "2.0"  # prepended last, so that it is the first
