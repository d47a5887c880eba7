"""``kiosk site move``: the box goes to another place, perhaps for other works; recorded, and nobody inside is forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from functools import partial
from typing import Final

from kiosk import evidence, stays
from kiosk.config import load
from kiosk.desk import Desk
from kiosk.durable import write_whole
from kiosk.errors import Declined, StoreBusy, UsageError
from kiosk.evidence import Entry
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Coordinates, rfc3339
from kiosk.opening import borrowed_desk
from kiosk.provision.template import literal, replaced, silenced
from kiosk.settings import Config
from kiosk.stays import OpenStay

#: What belonged to the works at the former place, and to no others.
_OF_THE_OLD: Final = ("name", "url", "valid_from", "valid_until", "latitude", "longitude", "fence_meters")
#: Every open stay began before this.
_END_MS: Final = 2**62


def move(config: Config, place: Coordinates, *, declaration: DeclarationNumber | None, leave_open: bool) -> dict[str, object]:
    """Write the new place, and the new declaration, into the configuration; the record has both places first.

    A run that was cut between the two is run again; until the configuration is written the box registers as before.

    Args:
        config: Loaded with its secrets.
        place: Where the box stands from now on.
        declaration: Takes the place of the only one; None: it stays.
        leave_open: Whether to ask a human for the OUT of whoever is inside, instead of refusing.

    Returns:
        ``{"from", "to", "declaration", "open_stays"}``.

    Raises:
        UsageError: The configuration can't be changed in this way; nothing was changed.
        Declined: Somebody is inside, or a daemon holds the store; nothing was changed.
    """
    text = _moved(config, place, declaration)
    try:
        with borrowed_desk(config, create=True) as desk:
            found = list(_open_stays(desk))
            if found and not leave_open:
                raise _inside(found)
            before = config.site.coordinates
            facts: dict[str, object] = {
                "before": [before.latitude, before.longitude],
                "place": [place.latitude, place.longitude],
                "declarations": [each.number.value for each in config.declarations],
                "declaration": None if declaration is None else declaration.value,
                "open_stays": len(found),
            }
            desk.database.write(partial(_leave, desk=desk, found=found, facts=facts))
    except StoreBusy:
        raise Declined("the daemon holds the store", repair="stop it, move the site, and start it again") from None
    write_whole(config.path, text, mode=config.path.stat().st_mode & 0o777)
    return {
        "from": {"latitude": before.latitude, "longitude": before.longitude},
        "to": {"latitude": place.latitude, "longitude": place.longitude},
        "declaration": None if declaration is None else declaration.value,
        "open_stays": [_told(each) for each in found],
    }


def _moved(config: Config, place: Coordinates, declaration: DeclarationNumber | None) -> str:
    """The configuration as it will be, once it was found to be one."""
    path = config.path
    if config.site.address is not None:
        raise UsageError(
            f"{path}: site.address: registrations name this address, and no coordinates replace it",
            repair="write the address of the new place there, or take the section out; then run this again",
        )
    if declaration is not None and len(config.declarations) != 1:
        raise UsageError(
            f"{path}: declaration: there are {len(config.declarations)}, and nobody can tell which one ends",
            repair="correct [[declaration]] by hand, and run this without --declaration",
        )
    text = path.read_text(encoding="utf-8-sig")
    try:
        for name, degrees in (("latitude", place.latitude), ("longitude", place.longitude)):
            text = replaced(text, "site", name, repr(degrees))
        if declaration is not None and declaration != config.declarations[0].number:
            text = _redeclared(text, config, declaration)
    except LookupError as error:
        raise UsageError(
            f"{path}: {error.args[0]} is written in a way that is not understood here",
            repair="write it as a line of its own below its heading, then run this again",
        ) from None
    _prove(config, text)
    return text


def _redeclared(text: str, config: Config, declaration: DeclarationNumber) -> str:
    number = literal(declaration.value)
    text = replaced(text, "declaration", "number", number, table=0)
    text = silenced(text, "declaration", _OF_THE_OLD, table=0)
    named = {"reader": [each.declaration for each in config.readers], "button": [each.declaration for each in config.buttons]}
    for section, declarations in named.items():
        for table in (place for place, each in enumerate(declarations) if each is not None):
            text = replaced(text, section, "declaration", number, table=table)
    return text


def _prove(config: Config, text: str) -> None:
    """Read the new configuration as the daemon will; raises ``UsageError`` with what is wrong in it."""
    draft = config.path.with_name(f".{config.path.name}.moved")
    write_whole(draft, text, mode=0o600)
    try:
        load(draft, {"STATE_DIRECTORY": str(config.store.path.parent)}, secrets=False)
    finally:
        draft.unlink()


def _open_stays(desk: Desk) -> Iterator[OpenStay]:
    """Everybody who is inside and whose OUT nobody was asked for yet."""
    after: int | None = 0
    while after is not None:
        look = desk.database.read(partial(stays.look, book=desk.book, after=after, over_ms=_END_MS))
        yield from look.over
        after = look.after


def _inside(found: list[OpenStay]) -> Declined:
    some = ", ".join(str(each.holder) for each in found[:10]) + (", ..." if len(found) > 10 else "")  # noqa: PLR2004  a line
    return Declined(
        f"{len(found)} still inside: holders {some}",
        repair="let them tap OUT first (`kiosk present` names them), or move with --leave-open, which asks for each OUT as a task",
    )


def _leave(connection: sqlite3.Connection, desk: Desk, found: list[OpenStay], facts: dict[str, object]) -> None:
    at_ms = desk.clock().wall_ms
    for each in found:
        stays.ask_for_out(connection, each.began, book=desk.book, holder=each.holder, at_ms=at_ms)
    evidence.record(connection, desk.vault, Entry.CONFIGURATION, "box", at_ms=at_ms, facts=facts)


def _told(stay: OpenStay) -> dict[str, object]:
    began = stay.began
    return {"holder": stay.holder, "registration": began.registration, "since": rfc3339(began.last.at_ms)}
