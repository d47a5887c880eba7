"""``provision rotate``: the next client key is made early, proven, switched to, and the old one let go once that works.

Each run takes the next step. Taps and deliveries go on meanwhile: the daemon signs with whatever key lies in the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.contract import ServiceSettings
from kiosk.criteria import MISSES, judge, unmet
from kiosk.durable import sweep, sync_folder, writing
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.provision.askers import Asker
from kiosk.provision.sealing import CREDENTIALS
from kiosk.provisioning import KeyKind, PrivateKey, make_client_key
from kiosk.settings import Credential, Service
from kiosk.verdicts import Misconfigured, NotSent

_CURVES: Final = {"secp384r1": KeyKind.P_384, "secp521r1": KeyKind.P_521}

_UPLOAD: Final = """\
The next key is ready. In Chaman, open the account of this box and add this certificate beside the old one:
    {certificate}
Then run `kiosk provision rotate` again: it proves the new key and switches to it. Until then nothing changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """What a run of it works with.

    Attributes:
        signer: The section whose key is rotated.
        settings: What calls with that key need.
        prove: Gets a token with these settings, or says why there is none.
        note: Writes a step into the record.
    """

    signer: Service | Credential
    settings: ServiceSettings
    prove: Callable[[ServiceSettings], NotSent | Misconfigured | None]
    note: Callable[[Entry, str], None]


@dataclass(frozen=True, slots=True)
class _Files:
    key: Path
    certificate: Path

    def beside(self, word: str) -> _Files:
        """The pair of the same names with this word in them."""
        return _Files(*(path.with_name(f"{path.name.removesuffix('.pem')}.{word}.pem") for path in (self.key, self.certificate)))


def rotate(asker: Asker, rotation: Rotation, *, kind: KeyKind | None, now: datetime | None = None) -> None:
    """Take the next step of a rotation, and say which comes after it.

    Args:
        asker: Is told.
        rotation: Whose key.
        kind: Of the next key; None takes the present one's.
        now: Aware, UTC; the present time if left out.

    Raises:
        UsageError: The section names no certificate, or a file can't be used.
        Declined: The new key is not known to the token server yet.
    """
    files = _files(rotation.signer)
    if files.key.is_relative_to(CREDENTIALS):
        raise UsageError(
            f"{files.key}: the key is sealed as a systemd credential, which can't be replaced in place",
            repair="put it beside the configuration again (systemd-creds decrypt), name it there, rotate it, and seal it anew",
        )
    sweep(files.key.parent)
    following, former = files.beside("next"), files.beside("old")
    moment = now or datetime.now(UTC)
    if _cut_while_switching(files, following):
        with writing(files.certificate):
            following.certificate.replace(files.certificate)
            sync_folder(files.certificate.parent)
    elif following.key.exists():
        _make(files, following, kind, moment)  # its certificate, where a cut left the key alone
        _switch(asker, rotation, files, following, former)
    elif not former.key.exists():
        rotation.note(Entry.KEY_PREPARED, following.certificate.name)
        _make(files, following, kind, moment)
        asker.say(_UPLOAD.format(certificate=following.certificate))
        return
    _retire(asker, rotation, former)


def standing(signer: Service | Credential, now: datetime) -> list[str]:
    """Say how a key and its certificate stand, and what comes next; changes nothing.

    Raises:
        UsageError: The section names no certificate, or a file can't be used.
    """
    files = _files(signer)
    certificate = read_certificate(files.certificate)
    lines = [f"{files.certificate}: {certificate.days_left(now)} days left"]
    lines += [f"  {MISSES} {each.name}: {each.told}" for each in unmet(judge(certificate, key=None, company=None, now=now))]
    if files.beside("next").key.exists():
        lines.append(f"the next key is made: upload {files.beside('next').certificate} in Chaman, then `kiosk provision rotate`")
    elif files.beside("old").key.exists():
        lines.append("the old key is still kept: `kiosk provision rotate` lets it go once the new one is proven")
    else:
        lines.append("no rotation is under way; `kiosk provision rotate` begins one")
    return lines


def _files(signer: Service | Credential) -> _Files:
    if signer.certificate is None:
        raise UsageError("certificate: none is named beside private_key", repair="name the one that was uploaded to Chaman")
    return _Files(signer.private_key, signer.certificate)


def _make(files: _Files, following: _Files, kind: KeyKind | None, now: datetime) -> None:
    if following.certificate.exists():
        return
    company = next(iter(read_certificate(files.certificate).companies), None)
    if company is None:
        raise UsageError(f"{files.certificate}: it is in nobody's name", repair="put another pair in its place: `kiosk provision`")
    chosen = kind or _kind_of(load_private_key(files.key).private)
    make_client_key(following.key, following.certificate, company=company, now=now, kind=chosen)


def _switch(asker: Asker, rotation: Rotation, files: _Files, following: _Files, former: _Files) -> None:
    failed = rotation.prove(replace(rotation.settings, private_key=following.key))
    if failed is not None:
        raise Declined(
            f"the new key is not switched to, since it gets no token: {failed.why}",
            repair=f"is {following.certificate} uploaded in Chaman? then run `kiosk provision rotate` again",
        )
    # Each step is recorded before it is taken: a cut in between repeats an entry, and none is ever missing.
    rotation.note(Entry.KEY_SWITCHED, files.certificate.name)
    with writing(files.key):
        for now, old in ((files.key, former.key), (files.certificate, former.certificate)):
            old.unlink(missing_ok=True)
            old.hardlink_to(now)
        # The key goes first: a cut here leaves a key whose certificate is still called the next one.
        following.key.replace(files.key)
        following.certificate.replace(files.certificate)
        sync_folder(files.key.parent)
    asker.say("The new key is in use; a running daemon takes it at its next call.")


def _retire(asker: Asker, rotation: Rotation, former: _Files) -> None:
    failed = rotation.prove(rotation.settings)
    if failed is not None:
        raise Declined(
            f"the old key is kept, since the new one got no token: {failed.why}",
            repair="run `kiosk provision rotate` again when the token server answers",
        )
    rotation.note(Entry.KEY_RETIRED, former.certificate.name)
    with writing(former.key):
        # The key last: it is by the key that a run that was cut here sees what is left to do.
        for path in (former.certificate, former.key):
            path.unlink(missing_ok=True)
        sync_folder(former.key.parent)
    asker.say("The new key is proven and the old one is gone from this box. Delete the old certificate in Chaman now.")


def _cut_while_switching(files: _Files, following: _Files) -> bool:
    """Whether the key was moved already and its certificate not yet."""
    if following.key.exists() or not following.certificate.exists():
        return False
    return read_certificate(following.certificate).belongs_to(load_private_key(files.key).private)


def _kind_of(private: PrivateKey) -> KeyKind:
    if isinstance(private, RSAPrivateKey):
        return KeyKind(f"rsa-{private.key_size}")
    return _CURVES[private.curve.name]
