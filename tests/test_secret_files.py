from __future__ import annotations

import os
from pathlib import Path

import pytest

from kiosk.secret_files import file_mistakes, secret_mistakes


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "store.key"
    path.write_bytes(bytes(32))
    path.chmod(0o600)
    return path


def complaint(path: Path, credentials: Path | None = None) -> str:
    return "\n".join(secret_mistakes(path, credentials=credentials, size=32))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_only_its_owner_may_read_is_fit(key: Path, mode: int) -> None:
    """The two modes of the design pass."""
    key.chmod(mode)
    assert complaint(key) == ""


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o700, 0o660, 0o4600])
def test_every_other_mode_is_refused(key: Path, mode: int) -> None:
    """Any bit for group, others or anything but reading and writing is refused, with the command that repairs it."""
    key.chmod(mode)
    assert f"mode {mode:04o}" in complaint(key)
    assert f"chmod 0600 {key}" in complaint(key)


def test_below_the_credentials_directory_only_the_bits_for_others_count(key: Path) -> None:
    """Systemd may give the group a bit; it must never give one to everybody."""
    key.chmod(0o440)
    assert complaint(key, key.parent) == ""
    key.chmod(0o444)
    assert "open to everybody" in complaint(key, key.parent)


def test_a_link_out_of_the_credentials_directory_gains_nothing(key: Path, tmp_path: Path) -> None:
    """The file itself must lie there, not a link to it."""
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "store.key").symlink_to(key)
    key.chmod(0o440)
    assert "mode 0440" in complaint(credentials / "store.key", credentials)


def test_a_key_of_another_user_is_refused(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key belongs to the caller or to root."""
    owner = 12345 if os.geteuid() == 0 else os.geteuid()
    os.chown(key, owner, -1)
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert f"uid {owner}" in complaint(key)
    monkeypatch.setattr(os, "geteuid", lambda: owner)
    assert complaint(key) == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a file that belongs to root")
def test_a_key_of_root_is_fit_for_every_caller_who_can_read_it(key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may hold the key of the user that runs kiosk."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert complaint(key) == ""


def test_a_store_key_has_exactly_32_bytes(key: Path) -> None:
    """A key written with a line end, or cut short, is refused before it can seal anything."""
    key.write_bytes(bytes(33))
    assert "33 bytes, must be exactly 32" in complaint(key)
    assert list(secret_mistakes(key, credentials=None)) == []


def test_several_faults_of_one_file_are_all_told(key: Path) -> None:
    """Nobody repairs the mode only to learn that the length is wrong too."""
    key.write_bytes(b"")
    key.chmod(0o644)
    assert len(complaint(key).splitlines()) == 2


def test_what_is_no_file_is_told_without_waiting(tmp_path: Path) -> None:
    """A missing file, a directory and a pipe nobody writes to each get their sentence."""
    os.mkfifo(tmp_path / "pipe")
    assert "provision" in complaint(tmp_path / "nothing")
    assert "no regular file" in complaint(tmp_path)
    assert "no regular file" in complaint(tmp_path / "pipe")
    assert "can't be read" in "".join(file_mistakes(tmp_path / ("x" * 400)))
