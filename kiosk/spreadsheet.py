"""A workbook of plain values: the one file that knows XlsxWriter. Every text is written as text, and no formula ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import BytesIO
from typing import Final

_DAY: Final = 86_400
#: How a sheet's columns are shown, in characters.
_WIDTH: Final = 18
#: What a spreadsheet takes for the beginning of a formula (OWASP, CSV injection); also after the blanks that it strips.
_FORMULA: Final = tuple("=+-@\t\r\n")


@dataclass(frozen=True, slots=True)
class Duration:
    """Seconds, shown as hours, minutes and seconds."""

    seconds: int


Cell = str | int | Duration | None


def guarded(words: str) -> str:
    """A text that no spreadsheet runs: one that could begin a formula gets an apostrophe before it."""
    return f"'{words}" if words.lstrip(" ").startswith(_FORMULA) or words.startswith(_FORMULA) else words


def workbook(sheets: Mapping[str, Sequence[Sequence[Cell]]], *, at: datetime) -> bytes:
    """Write a workbook in memory: people's data goes into no temporary file.

    Args:
        sheets: Rows by the sheet's name, at most 31 characters; the first row of each is its heading.
        at: When it was made, for its properties.
    """
    import xlsxwriter  # noqa: PLC0415  only who asks for a workbook pays for it

    data = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(data, options) as book:
        book.set_properties({"created": at.replace(tzinfo=None)})
        hours, bold = book.add_format({"num_format": "[h]:mm:ss"}), book.add_format({"bold": True})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            sheet.set_column(0, max((len(row) for row in rows), default=1), _WIDTH)
            for number, row in enumerate(rows):
                for column, cell in enumerate(row):
                    match cell:
                        case None:
                            pass
                        case str():
                            sheet.write_string(number, column, guarded(cell), bold if number == 0 else None)
                        case int():
                            sheet.write_number(number, column, cell)
                        case Duration():
                            sheet.write_number(number, column, cell.seconds / _DAY, hours)
    return data.getvalue()
