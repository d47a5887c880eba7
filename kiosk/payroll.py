"""``kiosk report``: a month put together from the pages that the desk gives, and written as a file of one kind or another."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

from kiosk import attendance
from kiosk.advice import Language
from kiosk.attendance import Channel, Gap, Line, Mark, Month
from kiosk.attendance_page import page
from kiosk.attendance_table import separated, tables
from kiosk.attendance_words import LABELS, NOTES
from kiosk.exports import Ask, pages
from kiosk.model import Direction, Environment, rfc3339
from kiosk.movements import PLACES
from kiosk.retention_settings import Retention
from kiosk.spreadsheet import workbook

#: A byte order mark, without which a well-known spreadsheet spoils every accent of a CSV file.
_MARK: Final = "\ufeff"


class Format(StrEnum):
    """What a report is written as."""

    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"
    JSON = "json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a report needs to know besides the store.

    Attributes:
        site: The site's name: where the box stands now.
        zone: Its time zone.
        environment: Whether anything was really registered.
        retention: How long things are kept.
        language: Of words for people.
    """

    site: str
    zone: ZoneInfo
    environment: Environment
    retention: Retention
    language: Language


def last_month(now: datetime) -> str:
    """The month before this one, as ``2026-10``; ``now`` is local to the site."""
    return f"{now.date().replace(day=1) - timedelta(days=1):%Y-%m}"


def gather(ask: Ask, asked: Mapping[str, object], frame: Frame) -> dict[str, Any]:
    """Put a month together.

    Args:
        ask: The desk.
        asked: What ``report`` takes.
        frame: See there.

    Returns:
        ``{"export", "at", "month", "site", "time_zone", "environment", "names", "notes", "items", "days", "sums"}``: ``items``
        are the lines of ``attendance``; people are told by ``person``, the personnel number or else ``holder:ID``.

    Raises:
        KioskError: The desk declined.
    """
    begun = ask("report", asked)
    number = {"export": begun["export"]}
    month = Month(
        first=date.fromisoformat(f"{begun['month']}-01"),
        zone=frame.zone,
        now=round(datetime.fromisoformat(begun["at"]).timestamp()),
        longest_seconds=begun["longest_seconds"],
    )
    people = {each["holder"]: each for part in pages(ask, "report people", number) for each in part["items"]}
    told = attendance.lines(_marks(ask, number), month)
    return {
        **{name: begun[name] for name in ("export", "at", "month", "names")},
        "site": frame.site,
        "time_zone": frame.zone.key,
        "environment": frame.environment.value,
        "notes": list(_notes(begun, told, month, frame)),
        "items": [{**_person(people, line.mark.holder), **_line(line, frame)} for line in told],
        "days": [
            {**_person(people, holder), "day": day.isoformat(), "seconds": seconds}
            for (holder, day), seconds in attendance.days(told, month).items()
        ],
        "sums": [{**_person(people, each.key[0]), **_sum(each, frame)} for each in attendance.sums(told)],
    }


def written(told: Mapping[str, Any], form: Format, frame: Frame) -> bytes:
    """Write a report in a format."""
    match form:
        case Format.JSON:
            return (json.dumps(told, ensure_ascii=False) + "\n").encode()
        case Format.CSV:
            return (_MARK + separated(told, frame.zone)).encode()
        case Format.HTML:
            return page(told, frame.language, frame.zone).encode()
        case Format.XLSX:
            sheets = tables(told, frame.language, frame.zone)
            title = LABELS["notes"][frame.language]
            sheets[title] = [[title], *([note["text"]] for note in told["notes"])]
            return workbook(sheets, at=datetime.fromisoformat(told["at"]))


def _marks(ask: Ask, number: Mapping[str, object]) -> Iterator[Mark]:
    for place in PLACES:
        for part in pages(ask, "report marks", {**number, "place": place}):
            for each in part["items"]:
                alone = None if each["alone"] is None else Gap(each["alone"])
                typed = {"direction": Direction(each["direction"]), "channel": Channel(each["channel"]), "alone": alone}
                yield Mark(**{**each, **typed})


def _person(people: Mapping[int, Mapping[str, Any]], holder: int) -> dict[str, object]:
    known = people.get(holder, {})
    name = {"name": known["name"]} if "name" in known else {}
    return {"person": known.get("personnel_number") or f"holder:{holder}", "holder": holder, **name}


def _line(line: Line, frame: Frame) -> dict[str, object]:
    day = attendance.day_of_line(line, frame.zone)
    return {
        "day": None if day is None else day.isoformat(),
        **_works(line.key, frame),
        **_end("in", line.begun, line.gap),
        **_end("out", line.ended, line.gap),
        "seconds": line.seconds,
        "break_seconds": line.break_seconds,
        "gap": None if line.gap is None else line.gap.value,
    }


def _end(name: str, mark: Mark | None, gap: Gap | None) -> dict[str, object]:
    if mark is None:
        return {name: None, f"{name}_state": None, f"{name}_channel": None, f"{name}_id": None, f"{name}_linked": None}
    return {
        name: None if gap is Gap.NO_TIME else rfc3339(mark.second * 1000),
        f"{name}_state": mark.state,
        f"{name}_channel": mark.channel.value,
        f"{name}_id": None if mark.channel is Channel.OTHER or mark.state == attendance.NOT_OWED else mark.row,
        f"{name}_linked": mark.linked,
    }


def _works(key: tuple[int, str | None, str | None, str | None], frame: Frame) -> dict[str, object]:
    return {"site": key[1] or frame.site, "employer": key[2], "declaration": key[3]}


def _sum(each: attendance.Sum, frame: Frame) -> dict[str, object]:
    figures = {"count": each.stays, "seconds": each.seconds, "break_seconds": each.break_seconds, "gaps": each.gaps}
    return {**_works(each.key, frame), **figures}


def _notes(begun: Mapping[str, Any], told: list[Line], month: Month, frame: Frame) -> Iterator[dict[str, object]]:
    """What whoever uses the figures must know, the more serious after the general."""

    def note(name: str, **values: object) -> dict[str, object]:
        return {"note": name, **values, "text": NOTES[name][frame.language].format(**values)}

    first, end = month.span
    yield note("nothing_filled_in")
    if frame.environment is not Environment.PRODUCTION:
        yield note("training")
    if month.now < end:
        yield note("not_over")
    purged = begun["purged_until"]
    if purged is not None and datetime.fromisoformat(purged).timestamp() >= first:
        yield note("purged", date=_local(datetime.fromisoformat(purged).timestamp(), frame))
    terms = {"purged_local": frame.retention.local_days, "purged_elsewhere": frame.retention.elsewhere_days}
    for name, kept in terms.items():
        before = month.now - kept * 86_400
        if before > first:
            yield note(name, days=kept, date=_local(before, frame))
    undated = sum(line.gap is Gap.NO_TIME for line in told)
    if undated:
        yield note("undated", count=undated)


def _local(second: float, frame: Frame) -> str:
    return datetime.fromtimestamp(second, frame.zone).date().isoformat()
