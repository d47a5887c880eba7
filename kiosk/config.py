"""Find, read and check the configuration; every mistake is reported at once, with its repair (design, section 6).

``settings`` holds the slices. In messages the tables of ``[[declaration]]`` and ``[[reader]]`` count from 1.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from kiosk.config_across import across
from kiosk.config_checks import Mistake, converter
from kiosk.config_draft import Draft
from kiosk.device_settings import Button, Eid, Indicator
from kiosk.errors import UsageError
from kiosk.retention_settings import Retention
from kiosk.secret_files import file_mistakes, secret_mistakes
from kiosk.settings import (
    Clock,
    Config,
    Control,
    Credential,
    Declaration,
    Evidence,
    Metrics,
    NamesEmployer,
    Reader,
    Rules,
    Screen,
    Service,
    Store,
)
from kiosk.site_settings import Position, Site

DEFAULT_PATH: Final = Path("/etc/kiosk/kiosk.toml")
STORE_KEY_BYTES: Final = 32


def locate(option: str | None, environ: Mapping[str, str]) -> Path:
    """Choose the file: ``--config``, else ``$KIOSK_CONFIG``, else ``/etc/kiosk/kiosk.toml``."""
    return Path(option if option is not None else environ.get("KIOSK_CONFIG") or DEFAULT_PATH)


def load(path: Path, environ: Mapping[str, str], *, secrets: bool = True) -> Config:
    """Read the whole configuration.

    Args:
        path: The TOML file; relative paths in it start from its directory.
        environ: For the defaults below ``$STATE_DIRECTORY`` and ``$CREDENTIALS_DIRECTORY``.
        secrets: Whether to look at keys and certificates too; verbs that only talk to the daemon need none.

    Raises:
        UsageError: One line for each mistake: file, key, what is wrong, repair.
    """
    base = path.absolute().parent
    draft = Draft(_with_defaults(_document(path), environ), converter(base))
    found = [*draft.read(), *across(draft), *(_files(draft, environ) if secrets else ())]
    if found:
        raise UsageError("\n".join(f"{path}: {mistake}" for mistake in found))
    return _config(path.absolute(), draft)


def _document(path: Path) -> dict[str, Any]:
    try:
        # The mark that Windows editors put before UTF-8 is not worth a failed start.
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        why = "is a directory; name the file in it" if path.is_dir() else f"can't be read: {error.strerror}"
        raise UsageError(
            f"{path}: {why}", repair="run kiosk provision, or name another file with --config or $KIOSK_CONFIG"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}: line {line} is not UTF-8; save the file as UTF-8") from error
    # Besides its own error tomllib lets through int's for thousands of digits and Python's for deep nesting.
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path}: is no TOML: {error}; correct it there, strings need quotes") from error


def _with_defaults(document: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Fill in the paths that follow from where systemd keeps state and credentials, else from each other."""
    store, control = document.get("store", {}), document.get("control", {})
    if not (isinstance(store, dict) and isinstance(control, dict)):
        return document
    # systemd joins several directories with colons; the first is ours.
    state = environ.get("STATE_DIRECTORY", "").split(":")[0]
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    store = {"path": f"{state}/kiosk.db", **store} if state else store
    beside = Path(str(store.get("path", ""))).parent
    key_file = Path(credentials) / "store.key" if credentials else beside / "store.key"
    return {
        **document,
        "store": {"key_file": str(key_file), **store},
        "control": {"socket": str(beside / "kiosk.sock"), **control},
    }


def _config(path: Path, draft: Draft) -> Config:
    return Config(
        path=path,
        site=draft.only(Site),
        employer=draft.only(NamesEmployer).employer,
        declarations=tuple(draft.good(Declaration).values()),
        service=draft.only(Service),
        credentials=tuple(draft.good(Credential).values()),
        store=draft.only(Store),
        control=draft.only(Control),
        clock=draft.only(Clock),
        rules=draft.only(Rules),
        readers=tuple(draft.good(Reader).values()),
        position=draft.only(Position),
        evidence=draft.only(Evidence),
        retention=draft.only(Retention),
        screen=draft.only(Screen),
        metrics=draft.only(Metrics),
        indicator=draft.only(Indicator),
        eid=draft.only(Eid),
        buttons=tuple(draft.good(Button).values()),
    )


def _files(draft: Draft, environ: Mapping[str, str]) -> Iterator[Mistake]:
    """Look at every file that the sections name, without reading what is in them."""
    directory = environ.get("CREDENTIALS_DIRECTORY")
    credentials = Path(directory) if directory else None
    for store in draft.good(Store).values():
        for what in secret_mistakes(store.key_file, credentials=credentials, size=STORE_KEY_BYTES):
            yield Mistake("store.key_file", what)
    for evidence in draft.good(Evidence).values():
        if evidence.key_file is not None:
            for what in secret_mistakes(evidence.key_file, credentials=credentials):
                yield Mistake("evidence.key_file", what)
    for service in draft.good(Service).values():
        for what in file_mistakes(service.ca_file) if service.ca_file else ():
            yield Mistake("service.ca_file", what)
    for eid in draft.good(Eid).values():
        yield from _roots(eid)
    signers: dict[str, Service | Credential] = {**draft.good(Service), **draft.good(Credential)}
    for key, signer in signers.items():
        yield from _signer(key, signer, credentials)


def _roots(eid: Eid) -> Iterator[Mistake]:
    if not eid.roots:
        return
    from hardware.eid_proof import UnusableRoot, load_roots  # noqa: PLC0415  only a box with roots pays for reading them

    for root in eid.roots:
        try:
            load_roots([root], eid.fingerprints)
        except UnusableRoot as unusable:
            yield Mistake("eid.roots", str(unusable))


def _signer(key: str, signer: Service | Credential, credentials: Path | None) -> Iterator[Mistake]:
    for what in secret_mistakes(signer.private_key, credentials=credentials):
        yield Mistake(f"{key}.private_key", what)
    for what in file_mistakes(signer.certificate) if signer.certificate else ():
        yield Mistake(f"{key}.certificate", what)
