"""What a configuration comes to, key by key, so that the record can name what was changed without keeping its values."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from kiosk.settings import Config


def digests(config: Config) -> dict[str, str]:
    """Each key by its dotted name (``readers.1.direction``, tables of a list count from 1), with a digest of its value.

    Secrets stand in files, of which only the names are values here; the place of the configuration itself is none of them.
    """
    return {name: hashlib.sha256(value.encode()).hexdigest()[:16] for name, value in _leaves("", config) if name != "path"}


def changed(old: Mapping[str, str], new: Mapping[str, str]) -> list[str]:
    """The names of the keys that came, went or have another value, sorted."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    inside = f"{name}." if name else ""
    if is_dataclass(value) and not isinstance(value, type):
        for field in fields(value):
            yield from _leaves(f"{inside}{field.name}", getattr(value, field.name))
    elif isinstance(value, tuple):
        for number, each in enumerate(value, 1):
            yield from _leaves(f"{inside}{number}", each)
    else:
        yield name, str(value)
