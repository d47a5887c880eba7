"""A configuration that works, with its invented key files, for tests to change one thing in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from kiosk.config import load
from kiosk.errors import UsageError
from kiosk.settings import Config

MINIMAL = """
[site]
name = "Wetstraat 16"
latitude = 50.8466
longitude = 4.3670

[employer]
enterprise_number = "0206731645"

[[declaration]]
number = "1Y1003SQ5VSSZ"

[service]
api_url = "https://localhost:8443/api"
client_id = "box-1"
private_key = "client.key.pem"

[store]
path = "kiosk.db"
key_file = "store.key"

[[reader]]
name = "gate"
driver = "simulated"
"""


def write(folder: Path, text: str = MINIMAL) -> Path:
    """Write a configuration and the key files that it names, with the right permissions."""
    for name, content in (("store.key", bytes(32)), ("client.key.pem", b"no real key")):
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
    path = folder / "kiosk.toml"
    path.write_text(text, encoding="utf-8")
    return path


def change(*changes: tuple[str, str], text: str = MINIMAL) -> str:
    """Replace pieces that must be there."""
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def read(folder: Path, text: str = MINIMAL, environ: Mapping[str, str] | None = None) -> Config:
    """Write and load."""
    return load(write(folder, text), environ or {})


def complaints(folder: Path, text: str = MINIMAL, environ: Mapping[str, str] | None = None) -> list[str]:
    """Write and load what must be refused; the lines of the message, without the file's name before each."""
    path = write(folder, text)
    with pytest.raises(UsageError) as caught:
        load(path, environ or {})
    lines = caught.value.message.splitlines()
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]
