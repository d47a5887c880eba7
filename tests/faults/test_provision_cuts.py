"""`kiosk provision` and its later steps, killed before every single change of the disk: each is gone on with."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.config import load
from kiosk.errors import UsageError
from kiosk.model import Environment
from kiosk.opening import borrowed_desk
from kiosk.provision import production, rotation, sealing
from kiosk.provision.conversation import prepare
from kiosk.provision.notebook import Notebook
from kiosk.provision.rotation import Rotation
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.settings import Config, Service
from tests.admins import SITE, Admin, setup
from tests.configs import change, write
from tests.cuts import cut_everywhere

GIVEN: dict[str, str | list[str] | bool] = {
    "company": "Invented NV",
    "key": "p-384",
    "client_id": "box-1",
    "api_url": "https://localhost:8443/api",
    "token_url": "https://localhost:8443/token",
    "site": SITE,
    "employer": "0206731645",
    "declarations": ["1Y1003SQ5VSSZ", "1Y102M7NZF7PZ"],
    "coordinates": "50.8466, 4.3670",
    "reader": "any",
}
SECRETS = ("store.key", "evidence.key", "client.key.pem")
PAIR = {"client.cert.pem", "client.key.pem"}


def talk(folder: Path) -> None:
    """A whole conversation, its answers kept on disk."""
    notebook = Notebook.opened(folder / ".answers")
    admin = Admin(notebook, GIVEN)
    admin.agrees = False  # the clock of the kernel
    prepare(setup(folder / "box", admin, notebook))


def test_a_conversation_that_is_killed_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    """What was made stays as it is, nothing is half there, no answer on disk is lost, and the next run ends it."""
    for folder in cut_everywhere("tests.faults.test_provision_cuts:talk", tmp_path):
        box = folder / "box"
        kept = {name: (box / name).read_bytes() for name in SECRETS if (box / name).exists()}
        known = Notebook.opened(folder / ".answers")
        talk(folder)
        assert {name: (box / name).read_bytes() for name in kept} == kept
        assert all(known.text(key) in (None, given) for key, given in GIVEN.items() if isinstance(given, str))
        config = load(box / "kiosk.toml", {})
        assert len(config.declarations) == 2
        assert read_certificate(box / "client.cert.pem").belongs_to(load_private_key(box / "client.key.pem").private)
        assert [path.name for path in box.iterdir() if path.name.startswith(".")] == []


def box_of(folder: Path) -> Config:
    """The real configuration of a box whose keys are no real ones but the client's."""
    path = folder / "kiosk.toml"
    if not path.exists():
        write(
            folder, change(('driver = "simulated"', 'driver = "pcsc"'), ("client_id", 'certificate = "client.cert.pem"\nclient_id'))
        )
        (folder / "client.key.pem").unlink()
        key, certificate = folder / "client.key.pem", folder / "client.cert.pem"
        make_client_key(key, certificate, company="Invented NV", now=datetime.now(UTC), kind=KeyKind.P_384)
        with borrowed_desk(load(path, {}), create=True):
            pass
    return load(path, {})


def rotation_of(service: Service) -> Rotation:
    return Rotation(signer=service, settings=service.settings, prove=lambda _: None, note=lambda *_: None)


def rotate(folder: Path) -> None:
    """From an old pair to a new one, in two steps."""
    service = box_of(folder).service
    shutil.copy(service.private_key, folder / "first")
    for _ in range(2):
        rotation.rotate(Admin(Notebook(None, {}), {}), rotation_of(service), kind=None)


def test_a_rotation_that_is_killed_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    """There is a usable key under its name at every moment; the next runs end with the new pair alone."""
    for folder in cut_everywhere("tests.faults.test_provision_cuts:rotate", tmp_path):
        if not (folder / "first").exists():
            continue  # cut while the box was still being made
        service = box_of(folder).service
        load_private_key(service.private_key)
        for _ in range(3):
            if {path.name for path in folder.glob("client.*")} == PAIR and is_new(folder):
                break
            rotation.rotate(Admin(Notebook(None, {}), {}), rotation_of(service), kind=None)
        assert {path.name for path in folder.glob("client.*")} == PAIR
        assert is_new(folder)
        assert list(folder.glob(".*.draft")) == []
        assert read_certificate(folder / "client.cert.pem").belongs_to(load_private_key(service.private_key).private)


def is_new(folder: Path) -> bool:
    return (folder / "client.key.pem").read_bytes() != (folder / "first").read_bytes()


def leave(folder: Path) -> None:
    """Out of training."""
    config = box_of(folder)
    (folder / "made").touch()
    production.leave_training(Admin(Notebook(None, {}), {}), config, confirmed=SITE, prove=lambda _: None)


def test_leaving_training_that_is_killed_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    """A box between the two worlds does not start, and the next run ends it with one book of the real service."""
    between = 0
    for folder in cut_everywhere("tests.faults.test_provision_cuts:leave", tmp_path):
        if not (folder / "made").exists():
            continue  # cut while the box was still being made
        config = box_of(folder)
        if config.service.environment is Environment.PRODUCTION:
            between += 1
            with pytest.raises(UsageError, match="has not left training"), borrowed_desk(config, create=False):
                pass
        leave(folder)
        with borrowed_desk(box_of(folder), create=False) as desk:
            books = desk.database.read(lambda c: c.execute("SELECT environment FROM books ORDER BY id").fetchall())
        assert books == [("training",), ("production",)]
    assert between


def seal(folder: Path) -> None:
    """The secrets of a box into credentials."""
    config = box_of(folder)
    (folder / "made").touch()
    sealing.seal(Admin(Notebook(None, {}), {}), config, folder=folder / "creds", unit="x.service", note=lambda *_: None)


@pytest.mark.skipif(shutil.which("systemd-creds") is None or os.geteuid() != 0, reason="needs systemd 250 or newer, and root")
def test_sealing_that_is_killed_anywhere_is_gone_on_with(tmp_path: Path) -> None:
    """Each secret is there in clear or opens from its credential at every moment; the next run leaves none in clear."""
    for folder in cut_everywhere("tests.faults.test_provision_cuts:seal", tmp_path):
        if not (folder / "made").exists():
            continue  # cut while the box was still being made
        admin = Admin(Notebook(None, {}), {})
        if not sealing.finish(admin, load(folder / "kiosk.toml", {}, secrets=False), folder=folder / "creds"):
            seal(folder)
        assert {path.name for path in (folder / "creds").iterdir()} == {"store.key.cred", "client.key.pem.cred"}
        assert not any((folder / name).exists() for name in ("store.key", "client.key.pem", ".kiosk.toml.sealing"))
        assert load(folder / "kiosk.toml", {}, secrets=False).store.key_file == Path("/run/credentials/x.service/store.key")
