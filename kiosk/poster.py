"""What hangs beside the reader: one A4 page in each language that needs nothing but itself, also when the box is dark. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from kiosk import pictograms, qr
from kiosk.advice import Language
from kiosk.days import RETENTION_DAYS
from kiosk.eid_notice import notice
from kiosk.model import Environment, Signal
from kiosk.patterns import pattern_for
from kiosk.poster_words import LABELS, SIGNALS
from kiosk.report import CLOSING, opening
from kiosk.retention_settings import Retention

_STYLE: Final = """\
<style>@page{size:A4;margin:10mm}
body{max-width:190mm;margin:0 auto;padding:0;print-color-adjust:exact;-webkit-print-color-adjust:exact}
body>h1{display:none}
.sheet{break-after:page;break-inside:avoid;font-size:10pt;line-height:1.25;padding:4mm 0}
.sheet:last-of-type{break-after:auto}
.sheet h2{font-size:22pt;border:0;margin:0;padding:0}
.sheet h3{font-size:12pt;margin:2.5mm 0 1mm}
.sheet p{margin:.8mm 0}
.training{border:1mm solid #000;padding:1mm 2mm;font-weight:700;font-size:13pt}
.row{display:flex;gap:6mm;align-items:center}
.row>div{flex:1}
.drawing{width:26mm;height:17mm;display:block}
.light{width:46mm;height:3.4mm}
.lights td,.lights th{border:0;padding:.4mm 3mm .4mm 0;vertical-align:middle}
.ways{display:flex;flex-wrap:wrap;gap:3mm 8mm}
.way{text-align:center}
.qr{width:36mm;height:36mm;display:block;margin:auto}
.way code{font-size:14pt;font-weight:700}
.small{font-size:8pt;white-space:pre-line}
</style>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A declaration by which one can register without the box: its number, its name, and the service's own link."""

    number: str
    name: str | None
    url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """What the poster is about.

    Attributes:
        site: The site's name.
        environment: Whose lights are drawn; training is said in large letters.
        local_only: Nothing is owed here: there is no declaration, and nothing is sent.
        contact: Who is asked about data and mistakes, or None: whoever is in charge of the site.
        ways: The declarations.
        retention: How long things are kept.
        eid_purpose: What identity cards are read for, or None where no reader takes them.
    """

    site: str
    environment: Environment
    local_only: bool
    contact: str | None
    ways: tuple[Way, ...]
    retention: Retention
    eid_purpose: str | None


def page(wall: Wall, languages: Sequence[Language]) -> str:
    """Write the poster, a sheet for each language; raises ``Declined`` where a link is too long for its QR code."""
    sheets = ("".join(_sheet(wall, language)) for language in languages)
    return opening(wall.site, languages[0].value) + _STYLE + "".join(sheets) + CLOSING


def _sheet(wall: Wall, language: Language) -> Iterator[str]:
    def say(name: str) -> str:
        return escape(LABELS[name][language])

    yield f'<section class="sheet" lang="{language.value}">\n<h2>{say("title")}</h2>\n<p>{escape(wall.site)}</p>\n'
    if wall.environment is not Environment.PRODUCTION:
        yield f'<p class="training">{say("training")}</p>\n'
    steps = ((pictograms.TAP, "tap"), (pictograms.ARRIVE, "arrive"), (pictograms.LEAVE, "leave"))
    yield f'<div class="row">{"".join(f"<div>{drawing}<b>{say(name)}</b></div>" for drawing, name in steps)}</div>\n'
    yield f"<h3>{say('lights')}</h3>\n{_lights(wall, language)}"
    if not wall.local_only:
        yield f"<p>{say('offline')}</p>\n"
    if wall.ways:
        yield f'<div class="row">{pictograms.PHONE}<div><h3>{say("fallback")}</h3><p>{say("green")}</p></div></div>\n'
        yield f'<div class="ways">{"".join(_way(way, LABELS["number"][language]) for way in wall.ways)}</div>\n'
    yield from _rights(wall, language)
    yield "</section>\n"


def _lights(wall: Wall, language: Language) -> str:
    unfit = {Signal.IN, Signal.OUT, Signal.HELD} if wall.local_only else {Signal.LOCAL}
    shown = ((signal, words[language]) for signal, words in SIGNALS.items() if signal not in unfit)
    rows = (
        f"<tr><td>{pictograms.light(pattern_for(signal, environment=wall.environment))}</td><td>{escape(words)}</td></tr>\n"
        for signal, words in shown
    )
    return f'<table class="lights">{"".join(rows)}</table>\n'


def _way(way: Way, label: str) -> str:
    code = "" if way.url is None else qr.svg(way.url, label=f"{label} {way.number}")
    name = "" if way.name is None else f"<br>{escape(way.name)}"
    return f'<div class="way">{code}{escape(label)}{name}<br><code>{escape(way.number)}</code></div>'


def _rights(wall: Wall, language: Language) -> Iterator[str]:
    """How to correct, and what is kept."""
    kept = wall.retention
    values = {
        "contact": wall.contact or LABELS["in_charge"][language],
        "cards": kept.unknown_cards_days,
        "local": kept.local_days,
        "evidence": kept.evidence_days,
    }

    def say(name: str, days: int = 0) -> str:
        return escape(LABELS[name][language].format(days=days, **values))

    how = say("how", RETENTION_DAYS)
    yield f'<div class="row">{pictograms.PENCIL}<div><h3>{say("correct")}</h3><p>{how}</p></div></div>\n'
    told = say("kept_here") if wall.local_only else say("kept", kept.registrations_days)
    yield f'<div class="row">{pictograms.LOCK}<div><h3>{say("privacy")}</h3>'
    yield f'<p class="small">{told}</p><p class="small">{say("ask")}</p></div></div>\n'
    if wall.eid_purpose is not None:
        words = notice(
            language,
            site=wall.site,
            purpose=wall.eid_purpose,
            registrations_days=kept.registrations_days,
            evidence_days=kept.evidence_days,
        )
        yield f'<p class="small">{escape(words)}</p>\n'
