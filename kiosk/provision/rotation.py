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
from kiosk.errors import Declined, UsageError
from kiosk.evidence import Entry
from kiosk.provision.askers import Asker
from kiosk.provision.durable import sync_folder
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

    @property
    def there(self) -> bool:
        """Whether both files are there."""
        return self.key.exists() and self.certificate.exists()


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
    if rotation.signer.certificate is None:
        raise UsageError("certificate: none is named beside private_key", repair="name the one that was uploaded to Chaman")
    files = _Files(rotation.signer.private_key, rotation.signer.certificate)
    following, former = files.beside("next"), files.beside("old")
    moment = now or datetime.now(UTC)
    if _cut_while_switching(files, following):
        following.certificate.replace(files.certificate)
        sync_folder(files.certificate.parent)
    elif following.key.exists():
        _make(files, following, kind, moment)  # its certificate, where a cut left the key alone
        _switch(asker, rotation, files, following, former)
    elif not former.key.exists():
        _make(files, following, kind, moment)
        rotation.note(Entry.KEY_PREPARED, following.certificate.name)
        asker.say(_UPLOAD.format(certificate=following.certificate))
        return
    _retire(asker, rotation, former)


def _make(files: _Files, following: _Files, kind: KeyKind | None, now: datetime) -> None:
    if following.there:
        return
    company = next(iter(read_certificate(files.certificate).companies), "")
    chosen = kind or _kind_of(load_private_key(files.key).private)
    make_client_key(following.key, following.certificate, company=company, now=now, kind=chosen)


def _switch(asker: Asker, rotation: Rotation, files: _Files, following: _Files, former: _Files) -> None:
    failed = rotation.prove(replace(rotation.settings, private_key=following.key))
    if failed is not None:
        raise Declined(
            f"the new key is not switched to, since it gets no token: {failed.why}",
            repair=f"is {following.certificate} uploaded in Chaman? then run `kiosk provision rotate` again",
        )
    for now, old in ((files.key, former.key), (files.certificate, former.certificate)):
        old.unlink(missing_ok=True)
        old.hardlink_to(now)
    # The key goes first: a cut here leaves a key whose certificate is still called the next one.
    following.key.replace(files.key)
    following.certificate.replace(files.certificate)
    sync_folder(files.key.parent)
    rotation.note(Entry.KEY_SWITCHED, files.certificate.name)
    asker.say("The new key is in use; a running daemon takes it at its next call.")


def _retire(asker: Asker, rotation: Rotation, former: _Files) -> None:
    failed = rotation.prove(rotation.settings)
    if failed is not None:
        raise Declined(
            f"the old key is kept, since the new one got no token: {failed.why}",
            repair="run `kiosk provision rotate` again when the token server answers",
        )
    for path in (former.key, former.certificate):
        path.unlink(missing_ok=True)
    sync_folder(former.key.parent)
    rotation.note(Entry.KEY_RETIRED, former.certificate.name)
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
