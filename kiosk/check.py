"""``kiosk check``: everything that can be known without the network, and every mistake at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Final

from hardware.gpio import chip_path
from hardware.nfc_paths import ANY_USB
from hardware.pcsc_codes import POLKIT_REPAIR
from hardware.ports import PositionLost, ReaderLost
from kiosk import control
from kiosk.auth import ClientKey, load_private_key
from kiosk.certificate import read_certificate
from kiosk.criteria import judge, unmet
from kiosk.device_settings import Button
from kiosk.errors import KioskError, NoDaemon, StoreBusy
from kiosk.expiry import Level, days_until, level_of
from kiosk.model import ReaderDirection
from kiosk.opening import borrowed_desk
from kiosk.settings import Config, Credential, Declaration, Driver, Reader, Service
from kiosk.signing import load_signer
from kiosk.site_settings import PositionSource, Site

#: Folders below /dev/input whose names stay, whatever was plugged in first.
_STABLE: Final = frozenset({"by-id", "by-path"})


class Grade(StrEnum):
    """How a finding is meant."""

    OK = "ok"
    ADVICE = "advice"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: about what, how bad, what was found, and what repairs it."""

    subject: str
    grade: Grade
    told: str
    repair: str | None = None


def check(config: Config, now: datetime) -> list[Finding]:
    """Look at keys, certificates, declarations, store, readers and buttons.

    Args:
        config: Loaded with its secrets: what is wrong in the file itself was reported by that.
        now: Aware, UTC.
    """
    served = f"against {config.service.service_host}, {config.service.environment.value}, for {config.site.regime.value}"
    return [
        Finding(
            subject="configuration",
            grade=Grade.OK,
            told=f"{config.path}: {served}",
        ),
        _site(config.site),
        *_client_keys(config, now),
        _evidence_key(config),
        *(_declaration(each, now.astimezone(config.site.time_zone).date()) for each in config.declarations),
        *_store(config),
        *(finding for reader in config.readers for finding in _reader(reader, config)),
        *(_button(button, config.indicator.chip) for button in config.buttons),
        *_receiver(config),
        *_several_gates(config),
        *_identity_cards(config),
    ]


def _site(site: Site) -> Finding:
    if site.local_only:
        return Finding(subject="site", grade=Grade.OK, told="local only: taps are kept, nothing is owed and nothing is sent")
    told = "registrations name its coordinates" if site.address is None else "registrations name its address"
    return Finding(subject="site", grade=Grade.OK, told=told)


def _client_keys(config: Config, now: datetime) -> Iterator[Finding]:
    yield from _client_key(config.service, now, whose="")
    for credential in config.credentials:
        whose = f" of {credential.employer.value}" if credential.employer is not None else ""
        yield from _client_key(credential, now, whose=whose)


def _client_key(signer: Service | Credential, now: datetime, *, whose: str) -> Iterator[Finding]:
    subject = f"certificate{whose}"
    key: ClientKey | None = None
    try:
        key = load_private_key(signer.private_key)
        yield Finding(subject=f"client key{whose}", grade=Grade.OK, told=f"signs with {key.algorithm}")
    except KioskError as error:
        yield _wrong(f"client key{whose}", error)
    if signer.certificate is None:
        yield Finding(
            subject=subject,
            grade=Grade.ADVICE,
            told="none is named: nobody is warned before it ends",
            repair="name it beside private_key, as certificate",
        )
        return
    try:
        certificate = read_certificate(signer.certificate)
    except KioskError as error:
        yield _wrong(subject, error)
        return
    for criterion in unmet(judge(certificate, key=None if key is None else key.private, company=None, now=now)):
        if criterion.name != "validity" or now < certificate.begins:
            told = f"{signer.certificate}: {criterion.told}"
            yield Finding(subject=subject, grade=Grade.WRONG, told=told, repair=criterion.repair)
    yield _days(subject, certificate.days_left(now))


def _days(subject: str, left: int) -> Finding:
    if left < 0:
        return Finding(
            subject=subject,
            grade=Grade.WRONG,
            told=f"ended {-left} days ago",
            repair="make a new one and upload it in Chaman: `kiosk provision rotate`",
        )
    grade = Grade.OK if level_of(left) is Level.OK else Grade.ADVICE
    return Finding(
        subject=subject,
        grade=grade,
        told=f"{left} days left",
        repair=None if grade is Grade.OK else "make the next one in time: `kiosk provision rotate`",
    )


def _evidence_key(config: Config) -> Finding:
    subject = "evidence key"
    try:
        signer = load_signer(config.evidence.key_file)
    except KioskError as error:
        return _wrong(subject, error)
    if signer is None:
        told, repair = "none is named: the chain of evidence is not signed", "name one: [evidence] key_file"
        return Finding(subject=subject, grade=Grade.ADVICE, told=told, repair=repair)
    return Finding(subject=subject, grade=Grade.OK, told=f"its public half is {signer.public.hex()}; keep it elsewhere too")


def _declaration(declaration: Declaration, today: date) -> Finding:
    subject = f"declaration {declaration.number.value}"
    left = days_until(declaration.valid_until, today)
    if left is None or level_of(left) is Level.OK:
        told = "it has no last day" if left is None else f"{left} days left"
        return Finding(subject=subject, grade=Grade.OK, told=told)
    told = f"ended {-left} days ago" if left < 0 else f"{left} days left"
    repair = "correct valid_until once it was prolonged, or add the next one; taps without a valid one are held"
    return Finding(subject=subject, grade=Grade.ADVICE, told=told, repair=repair)


def _store(config: Config) -> Iterator[Finding]:
    subject = "store"
    if not config.store.path.exists():
        yield Finding(
            subject=subject, grade=Grade.OK, told=f"{config.store.path} is made at the first `kiosk badge add` or `kiosk run`"
        )
        return
    try:
        with borrowed_desk(config, create=False):
            yield Finding(subject=subject, grade=Grade.OK, told=f"{config.store.path} opens with its key")
    except StoreBusy:
        yield Finding(subject=subject, grade=Grade.OK, told=f"{config.store.path} is in use by the running daemon")
    except KioskError as error:
        yield _wrong(subject, error)


def _reader(reader: Reader, config: Config) -> Iterator[Finding]:
    subject = f"reader {reader.name}"
    if reader.driver is Driver.KEYBOARD:
        yield _keyboard(reader, subject)
        return
    if reader.driver is Driver.CONTACTLESS:
        yield _contactless(reader, subject, config.control.socket)
        return
    if reader.driver not in (Driver.PCSC, Driver.EID):
        yield Finding(subject=subject, grade=Grade.OK, told=f"{reader.driver.value}, {reader.direction.value}")
        return
    from hardware.pcsc import listing, refusing  # noqa: PLC0415  only a box with such a reader needs its library

    try:
        names = listing()
        fitting = [name for name in names if reader.match is None or reader.match in name]
        refused = refusing(fitting)
    except ReaderLost as error:
        yield Finding(subject=subject, grade=Grade.WRONG, told=str(error))
        return
    if refused:
        told = f"{', '.join(refused)}: this user may not use it, so no card is read"
        yield Finding(subject=subject, grade=Grade.WRONG, told=told, repair=POLKIT_REPAIR)
        return
    if fitting:
        yield Finding(subject=subject, grade=Grade.OK, told=f"{', '.join(fitting)}, {reader.direction.value}")
        return
    told = f"plugged in are: {', '.join(names)}" if names else "no reader is plugged in"
    yield Finding(subject=subject, grade=Grade.WRONG, told=told, repair="plug it in, or correct `match` in its [[reader]]")


def _contactless(reader: Reader, subject: str, daemon: Path) -> Finding:
    """Open the reader and let it go, unless the daemon has it: two programs on one serial line would spoil each other's frames."""
    path = reader.match or ANY_USB
    if _answers(daemon):
        return Finding(subject=subject, grade=Grade.OK, told=f"{path}, {reader.direction.value}; the running daemon has it")
    from hardware.contactless import look  # noqa: PLC0415  only a box with such a reader needs its library

    try:
        return Finding(subject=subject, grade=Grade.OK, told=f"{look(path)}, {reader.direction.value}")
    except ReaderLost as lost:
        told, _, repair = str(lost).partition("; repair: ")
        return Finding(subject=subject, grade=Grade.WRONG, told=told, repair=repair)


def _answers(daemon: Path) -> bool:
    try:
        control.ask(daemon, "status", {})
    except NoDaemon:
        return False
    except KioskError:
        return True  # it is there, and busy with something else
    return True


def _keyboard(reader: Reader, subject: str) -> Finding:
    """Whether the device is there and may be read; a running daemon holds it, so it is not opened here."""
    path = Path(reader.match or "")
    if not path.exists():
        repair = "plug it in, or correct `match` in its [[reader]]: `ls -l /dev/input/by-id` lists them"
        return Finding(subject=subject, grade=Grade.WRONG, told=f"{path} is not there", repair=repair)
    if not os.access(path, os.R_OK):
        repair = "put this user into group input, or write the udev rule of hardware/README.md"
        return Finding(subject=subject, grade=Grade.WRONG, told=f"{path}: this user may not read it", repair=repair)
    if path.parent.name not in _STABLE:
        told = f"{path} may be another device after the next start"
        return Finding(subject=subject, grade=Grade.ADVICE, told=told, repair="write its path below /dev/input/by-id into `match`")
    return Finding(subject=subject, grade=Grade.OK, told=f"{path}, {reader.format.value}, {reader.direction.value}")


def _button(button: Button, header: str | None) -> Finding:
    subject = f"button {button.name}"
    means = button.press.value if button.press else f"declaration {button.declaration.value}" if button.declaration else "nothing"
    try:
        chip = chip_path(button.chip or header)
        Path(chip).stat()
    except OSError as error:
        repair = "correct `chip` in [[button]] or [indicator] (gpioinfo lists them)"
        return Finding(subject=subject, grade=Grade.WRONG, told=f"its GPIO chip is not there: {error}", repair=repair)
    where = f", at reader {button.reader}" if button.reader else ""
    return Finding(subject=subject, grade=Grade.OK, told=f"{means}, {chip} line {button.line}{where}")


def _receiver(config: Config) -> Iterator[Finding]:
    position = config.position
    if position.source is PositionSource.SITE:
        return
    from hardware.position import GpsdReceiver  # noqa: PLC0415  only a box with a receiver needs it

    try:
        GpsdReceiver(position.host, position.port).close()
    except PositionLost as error:
        yield Finding(subject="receiver", grade=Grade.WRONG, told=str(error))
        return
    told = f"gpsd answers at {position.host}:{position.port}"
    if config.fences:
        yield Finding(subject="receiver", grade=Grade.OK, told=told)
        return
    repair = "give [site] fence_meters, or each [[declaration]] its place"
    yield Finding(subject="receiver", grade=Grade.ADVICE, told=f"{told}; without a fence the box may stand anywhere", repair=repair)


def _several_gates(config: Config) -> Iterator[Finding]:
    if any(reader.direction is ReaderDirection.TOGGLE for reader in config.readers):
        yield Finding(
            subject="direction",
            grade=Grade.ADVICE,
            told="a toggle reader decides by the taps of this kiosk alone",
            repair='if another kiosk serves this site too, give every reader direction = "in" or "out"',
        )


def _identity_cards(config: Config) -> Iterator[Finding]:
    """What people at the reader must be told, and whether a card is more than what anybody can write on a chip."""
    if not any(reader.driver is Driver.EID for reader in config.readers):
        return
    told = f"read for: {config.eid.purpose}; hang `kiosk eid notice` beside the reader, and have a badge for whoever prefers one"
    yield Finding(subject="identity cards", grade=Grade.OK, told=told)
    if config.eid.roots:
        yield Finding(subject="identity cards' roots", grade=Grade.OK, told=f"{len(config.eid.roots)}, each with its fingerprint")
        return
    yield Finding(
        subject="identity cards' roots",
        grade=Grade.ADVICE,
        told="none: no signature is checked, so that whoever writes a chip passes for anybody, as with a badge's number",
        repair="install the Belgium Root CAs that the state publishes: [eid] roots and fingerprints",
    )


def _wrong(subject: str, error: KioskError) -> Finding:
    return Finding(subject=subject, grade=Grade.WRONG, told=error.message, repair=error.repair)


def lines(findings: Iterable[Finding]) -> str:
    """Write the findings for a person, each with its repair below it."""
    return "\n".join(
        f"{finding.grade.value:6}  {finding.subject}: {finding.told}"
        + (f"\n        repair: {finding.repair}" if finding.repair else "")
        for finding in findings
    )


def report(findings: list[Finding]) -> Mapping[str, object]:
    """Write the findings as ``check --json`` prints them."""
    return {
        "ok": all(finding.grade is not Grade.WRONG for finding in findings),
        "items": [
            {"subject": finding.subject, "grade": finding.grade.value, "told": finding.told, "repair": finding.repair}
            for finding in findings
        ],
    }
