"""kiosk.provision.durable writes files that are whole or not there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiosk.provision.durable import sweep, write_whole


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


def test_what_a_killed_run_left_is_swept_away(tmp_path: Path) -> None:
    """A draft may be a second name of a key; files of any other name stay."""
    for name in (".store.key.draft", ".kiosk.toml.answers", "my.draft"):
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".kiosk.toml.answers", "my.draft"]
