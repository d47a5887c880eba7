"""``provision seal``: the secrets as systemd credentials, which only the unit's service gets to see in clear.

Without a TPM they are sealed to a key on the same disk: that protects a backup or a copied file, not a stolen card
(facts, store-and-forward and hardware, section 5).
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kiosk.errors import KioskError, UsageError
from kiosk.evidence import Entry
from kiosk.provision.askers import Asker
from kiosk.provision.durable import sync_folder, write_whole
from kiosk.provision.questions import literal
from kiosk.provision.template import replaced
from kiosk.settings import Config

_SECONDS: Final = 60


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
    secrets = _secrets(config)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for (section, key), path in secrets.items():
        _seal_one(path, folder / f"{path.name}.cred")
        asker.say(f"sealed: [{section}] {key} as {folder / path.name}.cred")
    text = config.path.read_text(encoding="utf-8-sig")
    for (section, key), path in secrets.items():
        text = _pointed(config.path, text, section, key, f"/run/credentials/{unit}/{path.name}")
    lines = "\n".join(f"    LoadCredentialEncrypted={path.name}:{folder / path.name}.cred" for path in secrets.values())
    asker.say(f"In the unit {unit}:\n{lines}")
    if not asker.agree("Remove the secrets in clear now? The daemon then starts by that unit only.", key=None):
        asker.say("Nothing was removed and the configuration is as it was.")
        return
    note(Entry.SECRETS_SEALED, unit)
    write_whole(config.path, text, mode=config.path.stat().st_mode & 0o777)
    for path in secrets.values():
        path.unlink()
        sync_folder(path.parent)


def _secrets(config: Config) -> dict[tuple[str, str], Path]:
    found = {("store", "key_file"): config.store.key_file, ("service", "private_key"): config.service.private_key}
    if config.evidence.key_file is not None:
        found["evidence", "key_file"] = config.evidence.key_file
    return found


def _seal_one(path: Path, sealed: Path) -> None:
    clear = path.read_bytes()
    _run("encrypt", f"--name={path.name}", "-", str(sealed), given=clear)
    if _run("decrypt", f"--name={path.name}", str(sealed), "-") != clear:
        raise KioskError(f"{sealed}: it does not open again", repair="nothing was removed; look at systemd-creds by hand")


def _run(*words: str, given: bytes = b"") -> bytes:
    ran = subprocess.run(["systemd-creds", *words], input=given, capture_output=True, check=False, timeout=_SECONDS)
    if ran.returncode != 0:
        raise KioskError(f"systemd-creds {words[0]} failed ({ran.returncode})", repair="run it as root; nothing was removed")
    return ran.stdout


def _pointed(path: Path, text: str, section: str, key: str, target: str) -> str:
    try:
        return replaced(text, section, key, literal(target))
    except LookupError:
        raise UsageError(
            f"{path}: [{section}] {key} is not written as a line of its own",
            repair=f"write {key} = {literal(target)} there by hand when the unit is ready; nothing was removed",
        ) from None
