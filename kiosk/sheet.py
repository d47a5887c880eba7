"""The evidence sheet of a task: one page of HTML that needs nothing but itself, to be printed and handed on with a request.

Pure. Whatever it is given is escaped. What is missing is a line for a pen: nobody can have a time typed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final
from zoneinfo import ZoneInfo

from kiosk.advice import Language
from kiosk.model import TaskKind
from kiosk.report import CLOSING, Report, opening, table
from kiosk.sheet_words import LABELS

#: Which presence lacks, by the task that asks for it.
_LACKING: Final = {
    TaskKind.MISSING_OUT: ("out",),
    TaskKind.REVOKED_OPEN_STAY: ("out",),
    TaskKind.MISSING_IN: ("in",),
    TaskKind.UNKNOWN_CARD: ("in", "out"),
}
_PEN: Final = '<p>{label}: <span style="display:inline-block;width:22em;border-bottom:1px solid #000">&nbsp;</span></p>\n'


def page(sheet: Mapping[str, Any], *, site: str, zone: ZoneInfo, language: Language) -> str:
    """Write the sheet.

    Args:
        sheet: What ``tasks sheet`` tells.
        site: The site's name.
        zone: The site's time zone: times are shown local.
        language: Of headings and words.
    """
    return "".join(_parts(sheet, site=site, zone=zone, language=language))


def _parts(sheet: Mapping[str, Any], *, site: str, zone: ZoneInfo, language: Language) -> Iterator[str]:
    task = sheet["task"]

    def say(name: str) -> str:
        return LABELS[name][language]

    def rows(values: Mapping[str, object]) -> str:
        return table((say(name), escape(str(value))) for name, value in values.items() if value is not None)

    yield opening(f"{say('title')}: {say('task')} {task['id']}", language.value)
    yield rows({"site": site, **{name: task[name] for name in ("kind", "opened_at", "until", "note")}})
    yield "".join(f"<p>{escape(sentence)}</p>\n" for sentence in task["advice"])
    yield f"<h2>{escape(say('person'))}</h2>\n" + rows(sheet["person"])
    yield f"<p>{escape(say('revealed' if sheet['revealed'] else 'masked'))}</p>\n"
    yield f"<h2>{escape(say('missing'))}</h2>\n<p>{escape(say('by_pen'))}</p>\n"
    for name in (*_LACKING.get(TaskKind(task["kind"]), ()), "remark", "signed"):
        yield _PEN.format(label=escape(say(name)))
    yield f"<h2>{escape(say('contact'))}</h2>\n<p>{escape(task['who'] or '-')}</p>\n"
    yield f"<h3>{escape(say('reference'))}</h3>\n" + rows(sheet["reference"])
    yield f"<h2>{escape(say('happened'))}</h2>\n"
    yield "".join(map(Report(language, zone).registration, sheet["registrations"])) or f"<p>{escape(say('none'))}</p>\n"
    yield CLOSING
