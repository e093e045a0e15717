"""The folder of compiled programs is kept from growing; it is looked at when a process ends."""

import os
import time

import pytest

from jaxtorch.engine import disk_cache


@pytest.fixture
def entries(tmp_path):
    for age, name in enumerate(["new-cache", "middle-cache", "old-cache", "other"]):
        path = tmp_path / name
        path.write_bytes(bytes(100))
        os.utime(path, (0, time.time() - 100 * age))
    return tmp_path


def test_the_oldest_entries_go(entries, monkeypatch):
    monkeypatch.setattr(disk_cache, "LARGEST", 250)
    disk_cache._prune(entries)
    assert {p.name for p in entries.iterdir()} == {"new-cache", "middle-cache", "other", "pruned"}


def test_it_is_seldom_looked_at(entries):
    assert disk_cache._is_due(entries)
    disk_cache._prune(entries)
    assert not disk_cache._is_due(entries)
    os.utime(entries / "pruned", (0, time.time() - disk_cache.SELDOM - 1))
    assert disk_cache._is_due(entries)


def test_a_folder_that_is_gone_is_no_error(tmp_path):
    disk_cache._prune(tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()
