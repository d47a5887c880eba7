"""The evidence report for people: one page of HTML that needs nothing but itself, to be read or printed, in four languages.

Pure; it comes in pieces, since a report of many days is longer than a small box's memory. Whatever it is given is escaped.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from kiosk.advice import Language
from kiosk.report_words import LABELS, WORDS

STYLE: Final = """\
body{font:11pt/1.4 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#000;background:#fff}
h2{border-top:1px solid #000;padding-top:.5em;margin-top:1.5em;break-after:avoid}
section{break-inside:avoid}
table{border-collapse:collapse;margin:.3em 0}
th,td{border:1px solid #999;padding:.15em .5em;text-align:left;vertical-align:top;overflow-wrap:anywhere}
th{font-weight:600}
code{font-size:9pt;overflow-wrap:anywhere}
"""


def opening(title: str, language: str) -> str:
    """The beginning of a page that loads and sends nothing: style, script, image and frame from elsewhere are forbidden to it."""
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(language)}">\n<head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title>\n<style>\n{STYLE}</style></head>\n<body>\n<h1>{escape(title)}</h1>\n"
    )


CLOSING: Final = "</body>\n</html>\n"


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Names and values; the values are HTML already."""
    return "<table>" + "".join(f"<tr><th>{escape(name)}</th><td>{value}</td></tr>\n" for name, value in rows) + "</table>\n"


class Report:
    """Writes one report.

    Args:
        language: Of headings and words.
        zone: The site's: times are shown local, with their offset from UTC.
    """

    def __init__(self, language: Language, zone: ZoneInfo) -> None:
        self._language = language
        self._zone = zone

    def head(self, export: Mapping[str, Any], *, site: str) -> str:
        """The top: of what, by whom, and what it proves; ``export`` is what ``evidence export`` returned."""
        say = self._label
        days = f"{export['from'] or '…'} - {export['until'] or '…'}" if export["from"] or export["until"] else say("whole")
        rows = (
            (say("site"), escape(site)),
            (say("period"), escape(days)),
            (say("holder"), escape(str(export["holder"] or say("everybody")))),
            (say("made"), self._time(export["at"])),
            (say("export"), str(export["export"])),
            (say("key"), f"<code>{escape(export['public_key'] or say('unsigned'))}</code>"),
        )
        notes = f"<p>{escape(say('revealed' if export['revealed'] else 'masked'))}</p>\n<p>{escape(say('proof'))}</p>\n"
        return opening(say("title"), self._language.value) + table(rows) + notes

    def registration(self, told: Mapping[str, Any]) -> str:
        """One registration, as ``accounts`` tells it."""
        say = self._label
        name = f"{say('registration')} {told['id']}: {self._word(told['direction'])}, {self._plain(told['registration_date'])}"
        rows = [(say(label), value) for label, value in self._rows(told) if value]
        return (
            f"<section>\n<h2>{escape(name)}</h2>\n{table(rows)}"
            + self._listed("attempts", told["attempts"], ("at", "outcome", "why", "entry"))
            + self._listed("outages", told["outages"], ("began_at", "ended_at", "fault", "why"))
            + self._listed("history", told["history"], ("at", "kind", "facts", "person", "entry"))
            + "</section>\n"
        )

    def tail(self, count: int) -> str:
        """The bottom, after so many registrations."""
        return ("" if count else f"<p>{escape(self._label('none'))}</p>\n") + CLOSING

    def _rows(self, told: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        tap, person = told["tap"], told.get("person", {})
        yield "insz", _text(person.get("insz") or told["insz"])
        yield "name", _text(person.get("name"))
        yield "card", _text(person.get("card"))
        yield "registration_date", self._time(told["registration_date"])
        yield "reading", self._time(tap["reading"])
        yield "clock", f"{_text(tap['source'])}; {escape(self._label('bound'))}: {_text(tap['error_bound_seconds']) or '?'}"
        yield "healed_at", self._time(tap["healed_at"])
        if tap["latest"] is not None:
            yield "between", f"{self._time(tap['earliest']) or '…'} - {self._time(tap['latest'])}"
        yield "reader", _text(", ".join(str(each) for each in (told["reader"], tap["driver"], tap["technology"]) if each))
        yield "signal", escape(self._word(tap["signal"]))
        yield "state", escape(self._word(told["state"]))
        yield "reason", _text(told["reason"])
        yield "employer", _text(told["enterprise_number"] or told["foreign_vat_number"])
        yield "declaration", _text(told["declaration"])
        yield "registration_id", _text(told["receipt"]["registration_id"])
        yield "confirmed_at", self._time(told["receipt"]["confirmed_at"])
        yield "validity", _text(told["validity"])
        remarks = [*told["remarks"], *told["advice"]]
        if told["remarks_withheld"]:
            remarks.append(self._label("withheld").format(count=told["remarks_withheld"]))
        yield "remarks", "<br>".join(_text(each) for each in remarks)

    def _listed(self, label: str, items: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
        if not items:
            return ""
        lines = ("".join(f"<td>{self._cell(column, each)}</td>" for column in columns) for each in items)
        return f"<h3>{escape(self._label(label))}</h3>\n<table>" + "".join(f"<tr>{line}</tr>\n" for line in lines) + "</table>\n"

    def _cell(self, column: str, item: Mapping[str, Any]) -> str:
        value = item.get(column)
        match column:
            case "at" | "began_at":
                return self._time(value)
            case "ended_at":
                return self._time(value) or escape(self._label("lasts"))
            case "facts" | "person":
                return "" if value is None else f"<code>{escape(json.dumps(value, ensure_ascii=False, sort_keys=True))}</code>"
            case "kind":
                return escape(self._word(value) + (f" ({self._word('erased')})" if item.get("erased") else ""))
            case "outcome" | "fault":
                return escape(self._word(value))
            case _:
                return _text(value)

    def _label(self, name: str) -> str:
        return LABELS[name][self._language]

    def _word(self, word: str | None) -> str:
        """A word of the record, or as it stands there."""
        if word is None:
            return ""
        return WORDS[word][self._language] if word in WORDS else word.replace("_", " ")

    def _plain(self, at: str) -> str:
        return datetime.fromisoformat(at).astimezone(self._zone).isoformat(sep=" ")

    def _time(self, at: str | None) -> str:
        return "" if at is None else escape(self._plain(at))


def _text(value: object) -> str:
    return "" if value is None else escape(str(value))
