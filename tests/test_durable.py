"""kiosk.durable writes files that are whole or not there, and says in a sentence what a disk refuses."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiosk.durable import sweep, write_new, write_whole
from kiosk.errors import KioskError, UsageError


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


def test_what_is_there_is_never_replaced_by_a_new_file(tmp_path: Path) -> None:
    """The first stays to the byte, for its owner alone, and no draft is left."""
    before = os.umask(0)
    try:
        write_new(tmp_path / "key", b"first")
    finally:
        os.umask(before)
    with pytest.raises(UsageError, match="never overwritten"):
        write_new(tmp_path / "key", b"second")
    assert [(path.name, path.read_bytes(), path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [
        ("key", b"first", 0o600)
    ]


def test_a_disk_that_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    """A folder that is not there, and a file where a folder should be; the same for a disk that is full or read-only."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "none", tmp_path / "file"):
        with pytest.raises(KioskError, match="director") as caught:
            write_new(folder / "x", b"x")
        assert "run this again" in str(caught.value)
        with pytest.raises(KioskError, match="director"):
            write_whole(folder / "x", "x", mode=0o600)
