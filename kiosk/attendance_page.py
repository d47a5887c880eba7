"""The monthly report as a page that needs nothing but itself, to be printed. Pure; whatever it is given is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from kiosk.advice import Language
from kiosk.attendance_table import local, tables
from kiosk.attendance_words import LABELS
from kiosk.report import CLOSING, opening, table
from kiosk.spreadsheet import Cell, Duration

_STYLE: Final = (
    "<style>@page{size:A4 landscape;margin:10mm}body{max-width:none;font-size:9pt}thead{display:table-header-group}"
    "tr{break-inside:avoid}td.number{text-align:right;white-space:nowrap}</style>\n"
)


def page(told: Mapping[str, Any], language: Language, zone: ZoneInfo) -> str:
    """Write the report.

    Args:
        told: What ``payroll.gather`` made.
        language: Of headings and words.
        zone: The site's: times are shown local.
    """

    def say(name: str) -> str:
        return LABELS[name][language]

    head = ((say("site"), told["site"]), (say("made"), local(told["at"], zone, separator=" ")), (say("export"), told["export"]))
    parts = [opening(f"{say('title')}: {told['month']}", language.value), _STYLE]
    parts.append(table((name, escape(str(value))) for name, value in head))
    parts += [f"<p>{escape(note['text'])}</p>\n" for note in told["notes"]]
    for title, rows in tables(told, language, zone).items():
        parts.append(f"<h2>{escape(title)}</h2>\n{_table(rows)}")
    return "".join([*parts, CLOSING])


def _table(rows: Sequence[Sequence[Cell]]) -> str:
    head = "".join(f"<th>{_words(cell)}</th>" for cell in rows[0])
    body = "".join(f"<tr>{''.join(map(_data, row))}</tr>\n" for row in rows[1:])
    return f"<table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table>\n"


def _data(cell: Cell) -> str:
    return f'<td class="number">{_words(cell)}</td>' if isinstance(cell, int | Duration) else f"<td>{_words(cell)}</td>"


def _words(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case Duration(seconds=seconds):
            return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        case _:
            return escape(str(cell))
