"""kiosk.provision.durable writes files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiosk.provision.durable import write_whole


def test_a_file_is_whole_or_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cut while a file is written leaves the former content and nothing beside it."""
    path = tmp_path / "kiosk.toml"
    write_whole(path, "old", mode=0o640)

    def cut(_descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", cut)
    with pytest.raises(KeyboardInterrupt):
        write_whole(path, "new", mode=0o600)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("kiosk.toml", "old")]
    monkeypatch.undo()
    write_whole(path, "new", mode=0o600)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new", 0o600)


def test_file_and_folder_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The content before the name, the name before anybody relies on it."""
    synced: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(Path(f"/proc/self/fd/{descriptor}").resolve().is_dir()))
    write_whole(tmp_path / "x", "content", mode=0o600)
    assert synced == [False, True]
