"""kiosk.provision.rotation replaces the client key without a moment in which no key signs."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.contract import ServiceSettings
from kiosk.errors import Declined, KioskError, UsageError
from kiosk.evidence import Entry
from kiosk.model import ClockReading
from kiosk.provision.notebook import Notebook
from kiosk.provision.rotation import Rotation, rotate, standing
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.services import Services
from kiosk.settings import Service
from kiosk.simulator.simulator import Simulator
from kiosk.verdicts import Misconfigured, NotSent
from tests.admins import CLIENT_ID, Admin


def clock() -> ClockReading:
    now = time.time_ns() // 1_000_000
    return ClockReading(wall_ms=now, boot_ns=time.monotonic_ns(), boot_id="boot", trusted=True, source="assume", bound_ms=0)


@dataclass
class Bench:
    """A box whose key is to be rotated, and the double that knows its certificates."""

    folder: Path
    simulator: Simulator
    admin: Admin
    notes: list[tuple[Entry, str]] = field(default_factory=list)

    @property
    def service(self) -> Service:
        return Service(
            api_url=self.simulator.api_url,
            token_url=self.simulator.token_url,
            client_id=CLIENT_ID,
            private_key=self.folder / "client.key.pem",
            certificate=self.folder / "client.cert.pem",
            ca_file=self.simulator.ca_file,
        )

    def prove(self, settings: ServiceSettings) -> NotSent | Misconfigured | None:
        services = Services(settings, {}, clock)
        try:
            return services.token()
        finally:
            services.close()

    def step(self, kind: KeyKind | None = None) -> None:
        rotation = Rotation(
            signer=self.service,
            settings=self.service.settings,
            prove=self.prove,
            note=lambda entry, about: self.notes.append((entry, about)),
        )
        rotate(self.admin, rotation, kind=kind)

    def upload(self, name: str) -> None:
        self.simulator.add_client(CLIENT_ID, (self.folder / name).read_bytes())

    def names(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "box"
    folder.mkdir()
    make_client_key(
        folder / "client.key.pem",
        folder / "client.cert.pem",
        company="Invented NV",
        now=datetime.now(UTC),
        kind=KeyKind.RSA_2048,
    )
    with Simulator(tmp_path / "service") as simulator:
        made = Bench(folder, simulator, Admin(Notebook(None, {}), {}))
        made.upload("client.cert.pem")
        yield made


PAIR = ["client.cert.pem", "client.key.pem"]


def test_a_key_is_prepared_proven_switched_and_the_old_one_let_go(bench: Bench) -> None:
    """First the next pair beside the old, of the same kind and name; once uploaded it takes over and the old one goes."""
    before = (bench.folder / "client.key.pem").read_bytes()
    bench.step()
    assert bench.names() == ["client.cert.next.pem", "client.cert.pem", "client.key.next.pem", "client.key.pem"]
    following = read_certificate(bench.folder / "client.cert.next.pem")
    assert following.companies == ("Invented NV",)
    assert following.belongs_to(load_private_key(bench.folder / "client.key.next.pem").private)
    with pytest.raises(Declined, match="not switched to"):
        bench.step()
    assert (bench.folder / "client.key.pem").read_bytes() == before
    bench.upload("client.cert.next.pem")
    bench.step()
    assert bench.names() == PAIR
    assert (bench.folder / "client.key.pem").read_bytes() != before
    assert read_certificate(bench.folder / "client.cert.pem").belongs_to(load_private_key(bench.folder / "client.key.pem").private)
    assert [entry for entry, _ in bench.notes] == [Entry.KEY_PREPARED, Entry.KEY_SWITCHED, Entry.KEY_RETIRED]


def test_another_kind_of_key_may_follow(bench: Bench) -> None:
    """The admin may change to EC, and back to what he had."""
    bench.step(KeyKind.P_384)
    assert load_private_key(bench.folder / "client.key.next.pem").algorithm == "ES384"
    bench.upload("client.cert.next.pem")
    bench.step()
    bench.step()
    assert load_private_key(bench.folder / "client.key.next.pem").algorithm == "ES384"


def test_a_cut_at_any_point_is_gone_on_from(bench: Bench) -> None:
    """After the key alone was made, between the two renamings, and before the old pair was removed."""
    bench.step()
    (bench.folder / "client.cert.next.pem").unlink()
    with pytest.raises(Declined, match="not switched to"):
        bench.step()
    bench.upload("client.cert.next.pem")
    for name in PAIR:
        (bench.folder / name.replace(".pem", ".old.pem")).write_bytes((bench.folder / name).read_bytes())
    (bench.folder / "client.key.next.pem").replace(bench.folder / "client.key.pem")
    bench.step()
    assert bench.names() == PAIR
    assert read_certificate(bench.folder / "client.cert.pem").belongs_to(load_private_key(bench.folder / "client.key.pem").private)


def test_the_old_key_is_kept_until_the_new_one_is_proven(bench: Bench) -> None:
    """A token server that does not answer after the switch leaves the old pair there; a later run removes it."""
    bench.step()
    bench.upload("client.cert.next.pem")
    proofs: list[NotSent | None] = [None, NotSent(why="no network"), None]
    rotation = Rotation(signer=bench.service, settings=bench.service.settings, prove=lambda _: proofs.pop(0), note=lambda *_: None)
    with pytest.raises(Declined, match="the old key is kept"):
        rotate(bench.admin, rotation, kind=None)
    assert "client.key.old.pem" in bench.names()
    rotate(bench.admin, rotation, kind=None)
    assert bench.names() == PAIR


def test_without_a_named_certificate_nothing_is_made(bench: Bench) -> None:
    """Nobody would know what to upload or to delete."""
    nameless = Rotation(
        signer=replace(bench.service, certificate=None), settings=bench.service.settings, prove=bench.prove, note=lambda *_: None
    )
    with pytest.raises(UsageError, match="none is named"):
        rotate(bench.admin, nameless, kind=None)
    assert bench.names() == PAIR


def test_how_it_stands_is_told_without_changing_anything(bench: Bench) -> None:
    """Days left, criteria that are missed, and which step comes next."""
    now = datetime.now(UTC)
    assert standing(bench.service, now) == [
        f"{bench.folder / 'client.cert.pem'}: 729 days left",
        "no rotation is under way; `kiosk provision rotate` begins one",
    ]
    late = standing(bench.service, now + timedelta(days=731))
    assert ("-2 days left" in late[0], "MISSES validity: it ended on" in late[1]) == (True, True)
    bench.step()
    assert "the next key is made: upload" in standing(bench.service, now)[-1]
    (bench.folder / "client.key.next.pem").replace(bench.folder / "client.key.old.pem")
    assert "the old key is still kept" in standing(bench.service, now)[-1]


def test_a_step_that_can_not_be_recorded_is_not_taken(bench: Bench) -> None:
    """The record comes first: no key is ever made, switched or let go without an entry."""

    def full(_entry: Entry, _about: str) -> None:
        raise KioskError("the store is full")

    mute = Rotation(signer=bench.service, settings=bench.service.settings, prove=lambda _: None, note=full)
    before = (bench.folder / "client.key.pem").read_bytes()
    with pytest.raises(KioskError, match="full"):
        rotate(bench.admin, mute, kind=None)
    assert bench.names() == PAIR
    bench.step()
    names = bench.names()
    with pytest.raises(KioskError, match="full"):
        rotate(bench.admin, mute, kind=None)
    assert (bench.names(), (bench.folder / "client.key.pem").read_bytes()) == (names, before)


def test_a_certificate_in_nobodys_name_has_no_successor(bench: Bench) -> None:
    """The next one must be in the company's name, and nobody is there to ask."""
    key = str(bench.folder / "client.key.pem")
    command = ["openssl", "req", "-x509", "-key", key, "-sha256", "-subj", "/C=BE", "-out", str(bench.folder / "client.cert.pem")]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(UsageError, match="in nobody's name"):
        bench.step()
    assert bench.names() == PAIR


def test_a_sealed_key_says_how_it_is_rotated(bench: Bench) -> None:
    """A systemd credential can't be replaced in place."""
    sealed = replace(bench.service, private_key=Path("/run/credentials/ciao-kiosk.service/client.key.pem"))
    rotation = Rotation(signer=sealed, settings=sealed.settings, prove=bench.prove, note=lambda *_: None)
    with pytest.raises(UsageError, match="sealed as a systemd credential") as caught:
        rotate(bench.admin, rotation, kind=None)
    assert "systemd-creds decrypt" in str(caught.value)
