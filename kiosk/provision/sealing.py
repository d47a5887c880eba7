"""``provision seal``: the secrets as systemd credentials, which only the unit's service gets to see in clear.

Without a TPM they are sealed to a key on the same disk: that protects a backup or a copied file, not a stolen card
(facts, store-and-forward and hardware, section 5).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.durable import sweep, sync_folder, write_whole, writing
from kiosk.errors import KioskError, UsageError
from kiosk.evidence import Entry
from kiosk.provision.askers import Asker
from kiosk.provision.template import literal, replaced
from kiosk.settings import Config

_SECONDS: Final = 60
#: Where systemd shows a unit its credentials.
CREDENTIALS: Final = Path("/run/credentials")
#: What is agreed to.
REMOVE_CLEAR: Final = "remove_clear"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Secret:
    """A secret file and where the configuration names it; ``table`` counts those in double brackets from 0."""

    section: str
    key: str
    path: Path
    table: int | None = None


def seal(asker: Asker, config: Config, *, folder: Path, unit: str, note: Callable[[Entry, str], None]) -> None:
    """Seal every secret of a configuration, prove that each opens again, point the configuration at them, remove the clear ones.

    Args:
        asker: Is told, and asked before the clear files are removed.
        config: Whose secrets.
        folder: Where the sealed ones go; made if missing.
        unit: The systemd unit that will be given them.
        note: Writes the step into the record; called while the store still opens with the clear key.

    Raises:
        UsageError: There is no systemd-creds here, or the configuration can't be rewritten.
        KioskError: A secret did not open again; nothing was removed.
    """
    if shutil.which("systemd-creds") is None:
        raise UsageError("systemd-creds is not installed here", repair="it comes with systemd 250 and later")
    secrets = [secret for secret in _secrets(config) if not secret.path.is_relative_to(CREDENTIALS)]
    if len({secret.path.name for secret in secrets}) < len(secrets):
        raise UsageError(
            f"{config.path}: two secrets have files of the same name", repair="rename one: a credential is known by its name"
        )
    _make_folder(folder)
    for secret in secrets:
        _seal_one(secret.path, folder / f"{secret.path.name}.cred")
        asker.say(f"sealed: [{secret.section}] {secret.key} as {folder / secret.path.name}.cred")
    text = config.path.read_text(encoding="utf-8-sig")
    for secret in secrets:
        text = _pointed(config.path, text, secret, str(CREDENTIALS / unit / secret.path.name))
    lines = "\n".join(f"    LoadCredentialEncrypted={secret.path.name}:{folder / secret.path.name}.cred" for secret in secrets)
    asker.say(f"In the unit {unit}:\n{lines}")
    if not asker.agree("Remove the secrets in clear now? The daemon then starts by that unit only.", key=REMOVE_CLEAR):
        asker.say("Nothing was removed and the configuration is as it was.")
        return
    note(Entry.SECRETS_SEALED, unit)
    # Which clear files are left to be removed is written down first: once the configuration points elsewhere nobody knows them.
    write_whole(_left(config.path), "".join(f"{secret.path}\n" for secret in secrets), mode=0o600)
    write_whole(config.path, text, mode=config.path.stat().st_mode & 0o777)
    _remove(asker, config.path, folder)


def finish(asker: Asker, config: Config, *, folder: Path) -> bool:
    """Go on with a run that was cut after it had changed the configuration, and before the clear files were removed.

    Args:
        asker: Is told.
        config: Loaded without its secrets, which may be nowhere to be seen now.
        folder: Where the sealed ones lie.

    Returns:
        Whether there was such a run.

    Raises:
        KioskError: A sealed file does not open to what the clear one holds; that one stays.
    """
    if not _left(config.path).exists() or not all(secret.path.is_relative_to(CREDENTIALS) for secret in _secrets(config)):
        return False
    _remove(asker, config.path, folder)
    return True


def _remove(asker: Asker, config: Path, folder: Path) -> None:
    """Remove the clear files that are written down, each only while its sealed one opens to the same."""
    sweep(config.parent)
    with writing(config):
        for path in map(Path, _left(config).read_text(encoding="utf-8").splitlines()):
            if path.exists():
                _prove(path.read_bytes(), path.name, folder / f"{path.name}.cred")
                path.unlink()
                sync_folder(path.parent)
        _left(config).unlink()
    asker.say("The secrets in clear are gone from here; a copy in a backup is not.")


def _left(config: Path) -> Path:
    return config.with_name(f".{config.name}.sealing")


def _secrets(config: Config) -> Iterator[_Secret]:
    yield _Secret(section="store", key="key_file", path=config.store.key_file)
    yield _Secret(section="service", key="private_key", path=config.service.private_key)
    for table, credential in enumerate(config.credentials):
        yield _Secret(section="credential", key="private_key", path=credential.private_key, table=table)
    if config.evidence.key_file is not None:
        yield _Secret(section="evidence", key="key_file", path=config.evidence.key_file)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", repair="run it as root, or name another --folder") from None


def _seal_one(path: Path, sealed: Path) -> None:
    clear = path.read_bytes()
    _run("encrypt", f"--name={path.name}", "-", str(sealed), given=clear)
    _prove(clear, path.name, sealed)


def _prove(clear: bytes, name: str, sealed: Path) -> None:
    if _run("decrypt", f"--name={name}", str(sealed), "-") != clear:
        raise KioskError(f"{sealed}: it does not open again", repair="the clear one was not removed; look at systemd-creds by hand")


def _run(*words: str, given: bytes = b"") -> bytes:
    ran = subprocess.run(["systemd-creds", *words], input=given, capture_output=True, check=False, timeout=_SECONDS)
    if ran.returncode != 0:
        raise KioskError(f"systemd-creds {words[0]} failed ({ran.returncode})", repair="run it as root; nothing was removed")
    return ran.stdout


def _pointed(path: Path, text: str, secret: _Secret, target: str) -> str:
    try:
        return replaced(text, secret.section, secret.key, literal(target), table=secret.table)
    except LookupError:
        raise UsageError(
            f"{path}: [{secret.section}] {secret.key} is not written as a line of its own",
            repair=f"write {secret.key} = {literal(target)} there by hand when the unit is ready; nothing was removed",
        ) from None
