"""Moments as the service reads them: RFC 3339 with a mandatory offset (Belgif guide, json-date-time)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(text: str) -> int:
    """Read a moment as Unix milliseconds, truncated; raises ``ValueError`` for what is no RFC 3339 date-time."""
    if not _RFC3339.fullmatch(text):
        raise ValueError("a moment is written YYYY-MM-DDThh:mm:ss with Z or an offset")
    # Subtracting aware moments can't leave the calendar, as turning year 1 or 9999 into UTC would.
    return (datetime.fromisoformat(text.upper()) - _EPOCH) // timedelta(milliseconds=1)
