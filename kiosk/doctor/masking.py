"""What of the configuration may leave the box for support, and what stands in its place; pure.

Kept: figures, choices, days, the service's addresses and paths, names of readers and buttons, GPIO chips, names of files.
Masked to their last three characters: client ids, numbers of employers (a sole trader's is his own) and of declarations.
Everything else that is text, site and coordinates among it, is told as set or not set, so that a new key never slips through.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from kiosk.contract import Paths
from kiosk.device_settings import Button, Indicator
from kiosk.identifiers import DeclarationNumber, EnterpriseNumber, ForeignVatNumber
from kiosk.settings import Config, Credential, Declaration, Reader, Service
from kiosk.site_settings import Site

_KEPT: Final = frozenset(
    {
        (Service, "api_url"),
        (Service, "token_url"),
        (Reader, "name"),
        (Reader, "match"),
        (Button, "name"),
        (Button, "chip"),
        (Button, "reader"),
        (Indicator, "chip"),
        *((Paths, each.name) for each in fields(Paths)),
    }
)
_SHORTENED: Final = frozenset({(Service, "client_id"), (Credential, "client_id")})
#: Where the site is: a whole degree shows two that are exchanged, and no street.
_COARSE: Final = frozenset({(owner, name) for owner in (Site, Declaration) for name in ("latitude", "longitude")})
_LAST: Final = 3
#: A shorter text stands for too many other things to be looked for in a message.
_WORTH_MASKING: Final = 5
_SET: Final = "(set)"


def masked(config: Config) -> dict[str, object]:
    """Write the configuration with everything masked that is nobody else's business."""
    found = _value(Config, "", config)
    return found if isinstance(found, dict) else {}


def masks(config: Config) -> dict[str, str]:
    """What stands for each masked text of the configuration, to be masked in messages too; the longest come first."""
    found = dict(_masks(Config, "", config))
    found |= {str(folder): f"<{name}>" for name, folder in (("box", config.path.parent), ("store", config.store.path.parent))}
    return dict(sorted(found.items(), key=lambda each: -len(each[0])))


def _value(owner: type, name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | Enum):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, float):
        return float(round(value)) if (owner, name) in _COARSE else value
    if isinstance(value, tuple):
        return [_value(owner, name, each) for each in value]
    if isinstance(value, Path):
        return value.name
    if isinstance(value, date | ZoneInfo):
        return str(value)
    if isinstance(value, EnterpriseNumber | ForeignVatNumber | DeclarationNumber):
        return _shortened(value.value)
    if is_dataclass(value):
        return {each.name: _value(type(value), each.name, getattr(value, each.name)) for each in fields(value)}
    return _text(owner, name, str(value))


def _text(owner: type, name: str, text: str) -> str:
    if (owner, name) in _KEPT:
        return text
    return _shortened(text) if (owner, name) in _SHORTENED else _SET


def _masks(owner: type, name: str, value: object) -> Iterator[tuple[str, str]]:
    """Every text that is masked, with its mask."""
    if isinstance(value, EnterpriseNumber | ForeignVatNumber | DeclarationNumber):
        yield value.value, _shortened(value.value)
    elif isinstance(value, tuple):
        for each in value:
            yield from _masks(owner, name, each)
    elif is_dataclass(value):
        for each in fields(value):
            yield from _masks(type(value), each.name, getattr(value, each.name))
    elif isinstance(value, str) and not isinstance(value, Enum) and len(value) >= _WORTH_MASKING:
        mask = _text(owner, name, value)
        if mask != value:
            yield value, mask


def _shortened(text: str) -> str:
    return f"...{text[-_LAST:]}" if len(text) > 2 * _LAST else _SET
