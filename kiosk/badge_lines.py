"""Who gets which badge, as an admin writes it: JSON lines, or CSV from a spreadsheet. All mistakes are reported together.

No message repeats a value or an unknown field's name: in a file without a header the first person stands where the names should.
"""

from __future__ import annotations

import csv
import difflib
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from kiosk.errors import UsageError
from kiosk.identifiers import CardId, DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import BadgeLine, Capacity, Profile

#: The stable names of a line's fields and of an import's columns (design, section 6).
FIELDS: Final = (
    "card",
    "insz",
    "name",
    "language",
    "enterprise_number",
    "foreign_vat_number",
    "declaration",
    "personnel_number",
    "capacity",
    "local",
)
#: What somebody from abroad may have instead of an INSZ: the number of his Limosa declaration, 17 digits, or its QR code.
_LIMOSA: Final = re.compile(r"(?:L1|limosa)?[\s:./-]*\d(?:[\s./-]?\d){16}|https?://\S+", re.IGNORECASE)
_LIMOSA_NAMES: Final = frozenset({"limosa", "limosa_id", "limosa_number", "limosa-1", "l1"})
_NO_LIMOSA: Final = (
    "a Limosa number is no INSZ: as far as known the service takes no Limosa number from a kiosk; ask for the person's BIS number,"
    " and until it is there the person registers by phone with the declaration's QR code"
)
_T = TypeVar("_T")
_WORDS: Final = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
#: Characters of a name or a personnel number: a screen shows no more.
_LONGEST: Final = 100
_LANGUAGE: Final = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")
# Spreadsheets cut leading zeros off and turn eleven digits into 8,5E+10.
_NOTHING_DONE: Final = "nothing was changed; correct this and give everything again (in a spreadsheet, format the columns as text)"


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line and its number in what was given, counted from 1."""

    number: int
    line: BadgeLine


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The fields somebody gave about a person, each checked; None where it was left out, left empty or wrong."""

    card: CardId | None
    insz: Insz | None
    name: str | None = field(repr=False)
    language: str | None
    employer: Employer | None
    declaration: DeclarationNumber | None
    personnel_number: str | None = field(repr=False)
    capacity: Capacity | None = None
    local: bool | None = None

    def badge_line(self) -> BadgeLine | None:
        """The badge and the person, or None where one of the two required fields lacks."""
        if self.card is None or self.insz is None:
            return None
        profile = Profile(
            insz=self.insz,
            name=self.name or "",
            language=self.language,
            employer=self.employer,
            declaration=self.declaration,
            personnel_number=self.personnel_number,
            capacity=self.capacity or Capacity.EMPLOYEE,
            local=self.local or False,
        )
        return BadgeLine(
            card=self.card, profile=profile, says_capacity=self.capacity is not None, says_local=self.local is not None
        )


@dataclass(slots=True)
class Mistakes:
    """What was found wrong so far; sentences without a personal datum."""

    sentences: list[str] = field(default_factory=list)

    def add(self, where: str, sentence: str) -> None:
        """Note one mistake: where it stands and what it is."""
        self.sentences.append(f"{where}: {sentence}" if where else sentence)

    def raise_any(self) -> None:
        """Raise ``UsageError`` with all of them, if there are any."""
        if self.sentences:
            raise UsageError("\n".join(self.sentences), repair=_NOTHING_DONE)


def parse_lines(lines: Sequence[object]) -> list[Numbered]:
    """Read the lines of ``badge add``.

    Args:
        lines: Each a JSON object, or the text of one; an empty text or null is an empty line, which only counts.

    Raises:
        UsageError: Naming every bad line and field.
    """
    mistakes, read = Mistakes(), []
    for number, raw in enumerate(lines, 1):
        fields = _object(raw, f"line {number}", mistakes)
        if fields is not None:
            read += _badge_line(number, fields, mistakes)
    mistakes.raise_any()
    return read


def parse_csv(text: str) -> list[Numbered]:
    """Read the CSV of ``badge import``: ``;`` or ``,``, the first line names the columns in any order.

    Raises:
        UsageError: Naming every bad line and column, and both lines where a card stands twice.
    """
    mistakes, read = Mistakes(), []
    text = text.removeprefix("\ufeff")
    records = _records(text, ";" if ";" in text.partition("\n")[0] else ",", mistakes)
    columns = _columns(next(records, (1, []))[1], mistakes)
    mistakes.raise_any()
    for number, cells in records:
        if len(cells) > len(columns):
            mistakes.add(f"line {number}", "there are more cells than columns; a cell that holds the separator needs quotes")
        elif cells:
            read += _badge_line(number, dict(zip(columns, cells, strict=False)), mistakes)
    _refuse_repeated_cards(read, mistakes)
    mistakes.raise_any()
    return read


def decode_csv(data: bytes) -> str:
    """Decode a file for ``parse_csv``; raises ``UsageError`` unless it is UTF-8, with or without a byte order mark."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"line {line}: this file is not UTF-8",
            repair="save it as UTF-8 (in Excel: CSV UTF-8) and import it again; names would be spoiled otherwise",
        ) from None


def parse_given(fields: Mapping[str, object], where: str, mistakes: Mistakes) -> Given:
    """Check the fields that are there; a null or empty one counts as left out.

    Args:
        fields: By the names in ``FIELDS``; another name is a mistake.
        where: What to call the place in a message, for instance ``line 3``; may be empty.
        mistakes: Collects what is wrong.
    """
    for position, name in enumerate(fields, 1):
        if name not in FIELDS:
            mistakes.add(_at(where, f"field {position}"), unknown_name(name, FIELDS))

    def read(name: str, parse: Callable[[str], _T]) -> _T | None:
        return _read(fields.get(name), _at(where, name), parse, mistakes)

    enterprise, vat = read("enterprise_number", EnterpriseNumber.parse), read("foreign_vat_number", ForeignVatNumber.parse)
    if enterprise is not None and vat is not None:
        mistakes.add(_at(where, "foreign_vat_number"), "an employer has either an enterprise_number or a foreign_vat_number")
    return Given(
        card=read("card", CardId.parse),
        insz=read("insz", parse_insz),
        name=read("name", _plain),
        language=read("language", _language),
        employer=enterprise or vat,
        declaration=read("declaration", DeclarationNumber.parse),
        personnel_number=read("personnel_number", _plain),
        capacity=read("capacity", _capacity),
        local=read("local", _yes_or_no),
    )


def parse_insz(text: str) -> Insz:
    """Read an INSZ; raises ``ValueError``, for a Limosa number with the way out: no number is ever made up for its owner."""
    if _LIMOSA.fullmatch(text.strip()):
        raise ValueError(_NO_LIMOSA)
    return Insz.parse(text)


def unknown_name(name: str, known: Sequence[str]) -> str:
    """Say that a name is not known, with the likely one, and without repeating it; a Limosa number gets its own answer."""
    if name.strip().lower() in _LIMOSA_NAMES:
        return _NO_LIMOSA
    near = difflib.get_close_matches(name.strip().lower(), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}"
    return f"this name is not known; {hint}"


def _at(where: str, name: str) -> str:
    return f"{where}, {name}" if where else name


def _object(raw: object, where: str, mistakes: Mistakes) -> Mapping[str, object] | None:
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    if isinstance(raw, str):
        try:
            raw = json.loads(raw, object_pairs_hook=_unrepeated)
        except (ValueError, RecursionError):
            mistakes.add(where, "this is not one JSON object with each field once")
            return None
    if isinstance(raw, Mapping):
        return raw
    mistakes.add(where, "a line is one JSON object with at least card and insz")
    return None


def _unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Keep JSON's silent "the last one wins" from choosing a person."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field stands twice")
    return fields


def _badge_line(number: int, fields: Mapping[str, object], mistakes: Mistakes) -> list[Numbered]:
    where = f"line {number}"
    given = parse_given(fields, where, mistakes)
    for name in ("card", "insz"):
        if fields.get(name) in (None, ""):
            mistakes.add(_at(where, name), "is missing")
    line = given.badge_line()
    return [] if line is None else [Numbered(number, line)]


def _read(value: object, where: str, parse: Callable[[str], _T], mistakes: Mistakes) -> _T | None:
    if value is None or value == "":
        return None
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if not isinstance(value, str):
        mistakes.add(where, "must be a text in quotes (a number would lose its leading zeros)")
        return None
    try:
        return parse(value)
    except ValueError as error:
        mistakes.add(where, str(error))
        return None


def _plain(text: str) -> str:
    plain = text.strip()
    if len(plain) > _LONGEST or not plain.isprintable():
        raise ValueError(f"at most {_LONGEST} characters, without line breaks or control characters")
    return plain


def _capacity(text: str) -> Capacity:
    try:
        return Capacity(text.strip().lower().replace("-", "_"))
    except ValueError:
        raise ValueError(f"a capacity is one of {', '.join(Capacity)}") from None


def _yes_or_no(text: str) -> bool:
    word = text.strip().lower()
    if word not in _WORDS:
        raise ValueError("write yes or no")
    return _WORDS[word]


def _language(text: str) -> str:
    code = text.strip()
    if not _LANGUAGE.fullmatch(code):
        raise ValueError("a language is a code such as nl, fr, de or en")
    main, dash, rest = code.partition("-")
    return main.lower() + dash + rest


def _records(text: str, delimiter: str, mistakes: Mistakes) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the number of its first line; empty cells at its end are no cells."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    start = 1
    try:
        for record in reader:
            cells = [cell.strip() for cell in record]
            while cells and not cells[-1]:
                cells.pop()
            yield start, cells
            start = reader.line_num + 1
    except csv.Error:
        mistakes.add(f"line {start}", "this record can't be read: a quote stands alone, or it holds what is no text")


def _columns(cells: list[str], mistakes: Mistakes) -> list[str]:
    columns = [cell.lower() for cell in cells]
    for position, name in enumerate(columns, 1):
        if name not in FIELDS:
            mistakes.add(f"line 1, column {position}", unknown_name(name, FIELDS))
        elif name in columns[: position - 1]:
            mistakes.add(f"line 1, column {position}", f"{name} stands twice")
    for name in ("card", "insz"):
        if name not in columns:
            mistakes.add("line 1", f"the first line names the columns, and there is no {name}")
    return columns


def _refuse_repeated_cards(read: list[Numbered], mistakes: Mistakes) -> None:
    first: dict[CardId, int] = {}
    for numbered in read:
        before = first.setdefault(numbered.line.card, numbered.number)
        if before != numbered.number:
            mistakes.add(f"lines {before} and {numbered.number}", "the same card stands in both")
