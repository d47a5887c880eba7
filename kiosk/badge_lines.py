"""Who gets which badge, as an admin writes it: JSON lines, or CSV from a spreadsheet. All mistakes are reported together.

No message repeats a value or an unknown field's name: in a file without a header the first person stands where the names should.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from hardware.formats import Format
from kiosk.badge_fields import FIELDS, Mistakes, at, parse_given, unknown_name
from kiosk.errors import UsageError
from kiosk.identifiers import CardId
from kiosk.model import BadgeLine
from kiosk.transcription import transcribed


@dataclass(frozen=True, slots=True)
class Numbered:
    """A line and its number in what was given, counted from 1."""

    number: int
    line: BadgeLine


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


def parse_csv(text: str, written: Format | None = None) -> list[Numbered]:
    """Read the CSV of ``badge import``: ``;`` or ``,``, the first line names the columns in any order.

    Args:
        text: The whole file.
        written: How another system wrote the cards' numbers; None: ``[kind:]hex``, first byte first.

    Raises:
        UsageError: Naming every bad line and column, and both lines where a card stands twice.
    """
    mistakes, read = Mistakes(), []
    card = CardId.parse_badge if written is None else partial(transcribed, form=written)
    for number, fields in _rows(text, mistakes):
        read += _badge_line(number, fields, mistakes, card)
    _refuse_repeated_cards(read, mistakes)
    mistakes.raise_any()
    return read


def card_texts(text: str) -> list[str]:
    """Give the cards' numbers as a CSV of ``badge import`` has them, for whoever asks how they are written.

    Raises:
        UsageError: The first line does not name the columns.
    """
    return [fields.get("card", "") for _, fields in _rows(text, Mistakes())]


def _rows(text: str, mistakes: Mistakes) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each record by its columns' names; raises ``UsageError`` for a first line that does not name them."""
    text = text.removeprefix("\ufeff")
    records = _records(text, ";" if ";" in text.partition("\n")[0] else ",", mistakes)
    columns = _columns(next(records, (1, []))[1], mistakes)
    mistakes.raise_any()
    for number, cells in records:
        if len(cells) > len(columns):
            mistakes.add(f"line {number}", "there are more cells than columns; a cell that holds the separator needs quotes")
        elif cells:
            yield number, dict(zip(columns, cells, strict=False))


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


def _badge_line(
    number: int, fields: Mapping[str, object], mistakes: Mistakes, card: Callable[[str], CardId] = CardId.parse_badge
) -> list[Numbered]:
    where = f"line {number}"
    given = parse_given(fields, where, mistakes, card)
    for name in ("card", "insz"):
        if fields.get(name) in (None, ""):
            mistakes.add(at(where, name), "is missing")
    line = given.badge_line()
    return [] if line is None else [Numbered(number, line)]


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
