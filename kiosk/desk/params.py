"""What a call was asked, read from JSON values; every mistake is a ``UsageError`` that names the parameter, never its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from kiosk.advice import Language
from kiosk.badge_fields import unknown_name
from kiosk.errors import UsageError
from kiosk.identifiers import CardId

_MAX_ID = 2**63 - 1


def only(params: Mapping[str, object], known: Sequence[str]) -> None:
    """Refuse parameters that the call does not know."""
    for position, name in enumerate(params, 1):
        if name not in known:
            raise UsageError(f"parameter {position}: {unknown_name(name, known)}")


def one_of(params: Mapping[str, object], names: Sequence[str]) -> str:
    """Return which one of these parameters was given; exactly one must be."""
    given = [name for name in names if params.get(name) is not None]
    if len(given) != 1:
        raise UsageError(f"name one of {', '.join(names)}", repair="and only one")
    return given[0]


def number(params: Mapping[str, object], name: str) -> int:
    """Return a whole number from 1 on: an id, or how many."""
    value = params.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _MAX_ID:
        raise UsageError(f"{name} must be a whole number from 1 on")
    return value


def text(params: Mapping[str, object], name: str) -> str:
    """Return a text that is not empty."""
    value = params.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UsageError(f"{name} must be a text and is required")
    return value


def flag(params: Mapping[str, object], name: str) -> bool:
    """Return true or false; left out means false."""
    value = params.get(name)
    if value is not None and not isinstance(value, bool):
        raise UsageError(f"{name} must be true or false")
    return value is True


def day(params: Mapping[str, object], name: str) -> date:
    """Return a day."""
    try:
        return date.fromisoformat(text(params, name))
    except ValueError:
        raise UsageError(f"{name} must be a date such as 2026-11-02") from None


def language(params: Mapping[str, object]) -> Language:
    """Return the language of ``lang``; left out means English."""
    value = params.get("lang")
    if value is None:
        return Language.EN
    if not isinstance(value, str) or value not in set(Language):
        raise UsageError(f"lang must be one of {', '.join(Language)}")
    return Language(value)


def card(params: Mapping[str, object], name: str = "card") -> CardId:
    """Return a card."""
    try:
        return CardId.parse(text(params, name))
    except ValueError as error:
        raise UsageError(f"{name}: {error}") from None
