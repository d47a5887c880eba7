"""The two files in which a person is told everything that this box holds of him: one for people, one for programs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from typing import Any, Final

from kiosk.advice import Language
from kiosk.disclosure_words import LABELS, WHY
from kiosk.erasure import PLACES
from kiosk.exports import Ask, Sheet, new_file, pages
from kiosk.report import CLOSING, opening, table
from kiosk.retention_settings import Retention

_ENTRIES: Final = "entries"
#: By which of its moments the term of a row runs.
_SINCE: Final[Mapping[str, str]] = {
    "registrations": "at", "taps": "at", "other_channels": "at", "tasks": "closed_at", "notices": "told_at",
    _ENTRIES: "at",
}  # fmt: skip


def export_person(
    stem: Path, ask: Ask, asked: Mapping[str, object], *, retention: Retention, language: Language
) -> dict[str, object]:
    """Write ``<stem>.html`` and ``<stem>.json``, for their owner alone; neither is left where it fails.

    Args:
        stem: The files' name without its ending; neither may be there yet.
        ask: The desk.
        asked: What ``holder export`` takes.
        retention: How long things are kept.
        language: Of headings and reasons.

    Returns:
        What ``holder export`` told, and ``files``.

    Raises:
        UsageError: One of the files is there already.
        KioskError: The disk can't take it, or the desk declined.
    """
    files = [stem.with_name(f"{stem.name}.{ending}") for ending in ("html", "json")]
    with contextlib.ExitStack() as stack:
        page, data = (stack.enter_context(new_file(each)) for each in files)
        export = ask("holder export", asked)
        papers = _Papers(page, data, retention, language)
        papers.begin(export)
        papers.end([papers.place(name, items) for name, items in _places(ask, export)])
    return {**export, "files": [str(each) for each in files]}


@dataclass(frozen=True, slots=True)
class _Papers:
    """Writes both side by side, an item at a time: years of taps are longer than a small box's memory."""

    page: Sheet
    data: Sheet
    retention: Retention
    language: Language

    def begin(self, export: Mapping[str, Any]) -> None:
        """Write who it is, what this is, and what the data are for."""
        head = {name: export[name] for name in ("export", "at", "holder", "added_at")}
        self.page.write(opening(self._say("title"), self.language.value))
        self.page.write("".join(f"<p>{escape(self._say(name))}</p>\n" for name in ("about", "purpose", "recipients", "rights")))
        self.page.write(table((name.replace("_", " "), escape(str(value))) for name, value in head.items()))
        self.data.write(json.dumps(head, ensure_ascii=False)[:-1])

    def place(self, place: str, items: Iterator[Mapping[str, Any]]) -> dict[str, str]:
        """Write everything of one place; returns how long it is kept, and why."""
        self.page.write(f"<h2>{escape(self._say(place))}</h2>\n")
        self.data.write(f", {json.dumps(place)}: [")
        last, count = "", 0
        for count, item in enumerate(items, 1):
            self.page.write(table(_cells(item)))
            self.data.write((",\n" if count > 1 else "\n") + json.dumps(item, ensure_ascii=False))
            last = max(last, item.get(_SINCE.get(place, "")) or "")
        self.page.write("" if count else f"<p>{escape(self._say('nothing'))}</p>\n")
        self.data.write("]")
        return {"what": place, "until": self._until(place, last), "why": WHY[place][self.language]}

    def end(self, kept: Sequence[Mapping[str, str]]) -> None:
        """Write what is kept how long."""
        self.page.write(f"<h2>{escape(self._say('kept'))}</h2>\n")
        self.page.write(table((self._say(each["what"]), escape(f"{each['until']}: {each['why']}")) for each in kept) + CLOSING)
        told = {name: self._say(name) for name in ("purpose", "recipients", "rights")}
        self.data.write(", " + json.dumps({"kept": kept, **told}, ensure_ascii=False)[1:] + "\n")

    def _until(self, place: str, last: str) -> str:
        """How long, and until when at the latest: ``[retention]`` counts from when a row was finished."""
        terms = {
            "registrations": self.retention.registrations_days,
            "taps": max(self.retention.local_days, self.retention.unknown_cards_days),
            "other_channels": self.retention.elsewhere_days,
            "tasks": self.retention.closed_tasks_days,
            "notices": self.retention.closed_tasks_days,
            _ENTRIES: self.retention.evidence_days,
        }
        if place not in terms:
            return self._say("forgotten")
        ends = (datetime.fromisoformat(last) + timedelta(days=terms[place])).date().isoformat() if last else "-"
        return self._say("days").format(days=terms[place], last=ends)

    def _say(self, name: str) -> str:
        return LABELS[name][self.language]


def _places(ask: Ask, export: Mapping[str, Any]) -> Iterator[tuple[str, Iterator[Mapping[str, Any]]]]:
    number = export["export"]
    for place in PLACES:
        rows = pages(ask, "holder rows", {"export": number, "place": place})
        yield place, (item for part in rows for item in part["items"])
    entries = pages(ask, "holder entries", {"export": number})
    yield _ENTRIES, (item for part in entries for item in part["items"])


def _cells(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is there of an item; whatever has parts of its own is written as JSON."""
    for name, value in item.items():
        if value not in (None, [], {}):
            nested = isinstance(value, dict | list)
            yield name.replace("_", " "), escape(json.dumps(value, ensure_ascii=False) if nested else str(value))
