"""The monthly report as rows: for a file of separated values, a workbook, and the tables of a page. Pure.

Texts that a spreadsheet would run are disarmed (``spreadsheet.guarded``): a name is what somebody typed.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import StringIO
from typing import Any, Final
from zoneinfo import ZoneInfo

from kiosk.advice import Language, Text
from kiosk.attendance_words import CHANNELS, GAPS, LABELS, STATES
from kiosk.spreadsheet import Cell, Duration, guarded

#: The columns of each table, by the names of ``LABELS``.
STAYS: Final = (
    "person", "day", "site", "employer", "declaration", "in", "in_state", "in_channel", "out", "out_state", "out_channel",
    "duration", "break", "gap",
)  # fmt: skip
DAYS: Final = ("person", "day", "duration")
SUMS: Final = ("person", "site", "employer", "declaration", "count", "duration", "break", "gaps")
#: Which table a row of the one file for programs belongs to.
_RECORD: Final = "record"
_SECONDS: Final = {"duration": "seconds", "break": "break_seconds"}
_WORDS: Final[Mapping[str, Mapping[str, Text]]] = {
    "gap": GAPS,
    "in_state": STATES,
    "out_state": STATES,
    "in_channel": CHANNELS,
    "out_channel": CHANNELS,
}


def columns(table: Sequence[str], *, names: bool) -> list[str]:
    """The columns of a table; with the name after the number where the report has names."""
    return [table[0], *(("name",) if names else ()), *table[1:]]


def tables(told: Mapping[str, Any], language: Language, zone: ZoneInfo) -> dict[str, list[list[Cell]]]:
    """Each table of a report with its heading, by its title: for people.

    Args:
        told: What ``payroll.gather`` made.
        language: Of headings and words.
        zone: The site's: times are shown local.
    """
    made: dict[str, list[list[Cell]]] = {}
    for title, table, items in (("stays", STAYS, told["items"]), ("days", DAYS, told["days"]), ("sums", SUMS, told["sums"])):
        names = columns(table, names=told["names"])
        rows = [[_cell(name, item, language, zone) for name in names] for item in items]
        made[LABELS[title][language]] = [[LABELS[name][language] for name in names], *rows]
    return made


def separated(told: Mapping[str, Any], zone: ZoneInfo) -> str:
    """The whole report as one file of comma-separated values (RFC 4180), for programs: names, words and seconds, never prose.

    ``record`` says what a row is: note, stay, day or sum. Times are local, with their offset from UTC.
    """
    heading = [_SECONDS.get(name, name) for name in columns(STAYS, names=told["names"])]
    every = [_RECORD, "note", "holder", *heading, "count", "gaps"]
    out = StringIO()
    writer = csv.DictWriter(out, every, restval="", lineterminator="\r\n")
    writer.writeheader()
    for note in told["notes"]:
        writer.writerow({_RECORD: "note", "note": guarded(note["text"])})
    for record, table, items in (("stay", STAYS, told["items"]), ("day", DAYS, told["days"]), ("sum", SUMS, told["sums"])):
        for item in items:
            row = {_SECONDS.get(name, name): _plain(name, item, zone) for name in columns(table, names=told["names"])}
            writer.writerow({_RECORD: record, "holder": item["holder"], **row})
    return out.getvalue()


def _plain(name: str, item: Mapping[str, Any], zone: ZoneInfo) -> str | int:
    value = item.get(_SECONDS.get(name, name))
    if value is None:
        return ""
    if name in {"in", "out"}:
        return local(value, zone)
    return value if isinstance(value, int) else guarded(str(value))


def _cell(name: str, item: Mapping[str, Any], language: Language, zone: ZoneInfo) -> Cell:
    value = item.get(_SECONDS.get(name, name))
    match name:
        case _ if value is None:
            return None
        case "in" | "out":
            return local(value, zone, separator=" ")
        case "duration" | "break":
            return Duration(value)
        case _ if name in _WORDS:
            return _WORDS[name][value][language]
        case _:
            return value if isinstance(value, int) else str(value)


def local(at: str, zone: ZoneInfo, *, separator: str = "T") -> str:
    """A moment by the site's clock, with its offset: the hour that comes twice in autumn can be told."""
    return datetime.fromisoformat(at).astimezone(zone).isoformat(sep=separator)
