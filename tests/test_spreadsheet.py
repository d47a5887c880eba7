"""kiosk.spreadsheet writes values, whatever they look like."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import pytest

from kiosk.spreadsheet import Duration, guarded, workbook


@pytest.mark.parametrize("words", ["=1+1", "+32 2 555", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "\n=1"])
def test_a_text_that_a_spreadsheet_would_run_is_disarmed(words: str) -> None:
    """By an apostrophe before it, which a spreadsheet takes for the mark of a text."""
    assert guarded(words) == f"'{words}"


@pytest.mark.parametrize("words", ["", "Jan", "P-7", "1Y1003SQ5VSSZ", "Jan = Piet", "Zéphyrine"])
def test_other_texts_stay_as_they_are(words: str) -> None:
    """A name with such a character inside runs nothing."""
    assert guarded(words) == words


def test_every_kind_of_value_is_written_as_what_it_is() -> None:
    """Texts as texts, also those of digits or with an address; numbers and lengths as numbers; nothing as nothing."""
    data = workbook(
        {"One": [["a"], ["0123"], ["https://www.example.org"], [7], [Duration(36 * 3600)], [None]]},
        at=datetime(2026, 12, 1, tzinfo=UTC),
    )
    with zipfile.ZipFile(io.BytesIO(data)) as book:
        sheet, texts = book.read("xl/worksheets/sheet1.xml").decode(), book.read("xl/sharedStrings.xml").decode()
        styles = book.read("xl/styles.xml").decode()
    assert all(f"<t>{text}</t>" in texts for text in ("0123", "https://www.example.org"))
    assert "<v>7</v>" in sheet
    assert "<v>1.5</v>" in sheet
    assert "hyperlink" not in sheet.lower()
    assert "[h]:mm:ss" in styles
    assert 'r="A6"' not in sheet.replace('<row r="6"', "")
