"""kiosk.provision.sealing turns secrets into systemd credentials that open again before the clear ones are removed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from kiosk.config import load
from kiosk.errors import KioskError, UsageError
from kiosk.evidence import Entry
from kiosk.provision import sealing
from kiosk.provision.notebook import Notebook
from tests.admins import Admin
from tests.configs import change, write

real = pytest.mark.skipif(shutil.which("systemd-creds") is None or os.geteuid() != 0, reason="needs systemd 250 or newer, and root")


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "evidence.key").write_bytes(b"evidence")
    (tmp_path / "evidence.key").chmod(0o600)
    return write(tmp_path, change(("[store]", '[evidence]\nkey_file = "evidence.key"\n\n[store]')))


@real
def test_each_secret_is_sealed_and_the_configuration_points_there(config: Path, tmp_path: Path) -> None:
    """The sealed files open to what was clear, under their own names only; the lines for the unit are told."""
    admin, notes = Admin(Notebook(None, {}), {}), list[tuple[Entry, str]]()
    folder = tmp_path / "creds"
    sealing.seal(
        admin, load(config, {}), folder=folder, unit="kiosk-test.service", note=lambda entry, about: notes.append((entry, about))
    )
    sealed = folder / "store.key.cred"
    opened = subprocess.run(["systemd-creds", "decrypt", "--name=store.key", str(sealed), "-"], capture_output=True, check=True)
    assert opened.stdout == bytes(32)
    assert {path.name for path in folder.iterdir()} == {"store.key.cred", "client.key.pem.cred", "evidence.key.cred"}
    assert not any((tmp_path / name).exists() for name in ("store.key", "client.key.pem", "evidence.key"))
    pointed = load(config, {}, secrets=False)
    assert pointed.store.key_file == Path("/run/credentials/kiosk-test.service/store.key")
    assert pointed.service.private_key.name == "client.key.pem"
    assert f"LoadCredentialEncrypted=store.key:{sealed}" in "".join(admin.heard)
    assert notes == [(Entry.SECRETS_SEALED, "kiosk-test.service")]


@real
def test_every_employers_key_is_sealed(config: Path, tmp_path: Path) -> None:
    """The one of a [[credential]] too, in its own table; two files of one name are refused before anything is sealed."""
    table = '\n[[credential]]\nenterprise_number = "{}"\nclient_id = "box-2"\nprivate_key = "{}"\n'
    (tmp_path / "other").mkdir()
    for name in ("second.key.pem", "other/client.key.pem"):
        (tmp_path / name).write_bytes(b"another key")
        (tmp_path / name).chmod(0o600)
    config.write_text(config.read_text() + table.format("0403019261", "second.key.pem"))
    sealing.seal(Admin(Notebook(None, {}), {}), load(config, {}), folder=tmp_path / "creds", unit="x.service", note=lambda *_: None)
    pointed = load(config, {}, secrets=False)
    assert [each.private_key for each in pointed.credentials] == [Path("/run/credentials/x.service/second.key.pem")]
    again = write(tmp_path, change(("[store]", f"{table.format('0403019261', 'other/client.key.pem')}\n[store]")))
    with pytest.raises(UsageError, match="same name"):
        sealing.seal(Admin(Notebook(None, {}), {}), load(again, {}), folder=tmp_path / "c2", unit="x.service", note=lambda *_: None)
    assert not (tmp_path / "c2").exists()


def test_nothing_is_finished_that_was_not_begun(config: Path, tmp_path: Path) -> None:
    """Neither on a box that was never sealed nor where a cut came before the configuration was changed."""
    admin = Admin(Notebook(None, {}), {})
    assert not sealing.finish(admin, load(config, {}), folder=tmp_path)
    (tmp_path / ".kiosk.toml.sealing").write_text(f"{tmp_path / 'store.key'}\n")
    assert not sealing.finish(admin, load(config, {}), folder=tmp_path)
    assert (tmp_path / "store.key").exists()


@real
def test_without_a_yes_everything_stays(config: Path, tmp_path: Path) -> None:
    """The clear files and the configuration are as they were."""
    admin = Admin(Notebook(None, {}), {})
    admin.agrees = False
    before = config.read_text()
    sealing.seal(admin, load(config, {}), folder=tmp_path / "creds", unit="x.service", note=lambda *_: None)
    assert (tmp_path / "store.key").exists()
    assert config.read_text() == before


def test_a_secret_that_does_not_open_again_is_not_removed(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A systemd-creds that gives something else back, one that fails, and none at all."""
    admin, fakes = Admin(Notebook(None, {}), {}), tmp_path / "bin"
    fakes.mkdir()
    # No real one can be made to fail like this.
    for script, told in (("#!/bin/sh\necho other", "does not open again"), ("#!/bin/sh\nexit 1", "failed")):
        (fakes / "systemd-creds").write_text(script)
        (fakes / "systemd-creds").chmod(0o755)
        monkeypatch.setenv("PATH", f"{fakes}:/bin:/usr/bin")
        with pytest.raises(KioskError, match=told):
            sealing.seal(admin, load(config, {}), folder=tmp_path / "creds", unit="x.service", note=lambda *_: None)
        assert (tmp_path / "store.key").read_bytes() == bytes(32)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="not installed"):
        sealing.seal(admin, load(config, {}), folder=tmp_path / "creds", unit="x.service", note=lambda *_: None)
