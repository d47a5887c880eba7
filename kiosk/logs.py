"""One JSON object a line on standard error: time, level, room, words, and what was handed along. Never a personal datum."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from typing import Final

#: What every LogRecord carries anyway; the rest was handed along by ``extra``.
_USUAL: Final = frozenset(logging.LogRecord("", 0, "", 0, "", None, None).__dict__) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Write the record; of an exception only its kind and where it was raised, since its text may be personal."""
        line: dict[str, object] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "room": record.name,
            "event": record.getMessage(),
        }
        line |= {key: value for key, value in record.__dict__.items() if key not in _USUAL}
        if record.exc_info is not None and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
            line["raised_at"] = _origin(record)
        return json.dumps(line, default=str, ensure_ascii=False)


def _origin(record: logging.LogRecord) -> str | None:
    trace = record.exc_info[2] if record.exc_info else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else f"{trace.tb_frame.f_globals.get('__name__')}:{trace.tb_lineno}"


def _log_thread(raised: threading.ExceptHookArgs) -> None:
    """A thread that fails says so in the log's own form: Python's traceback would carry the exception's text."""
    error = raised.exc_value
    logging.getLogger(__name__).error("a thread failed", extra={"failed": getattr(raised.thread, "name", None)}, exc_info=error)


def start_logging() -> None:
    """Send every record from INFO up to standard error; foreign libraries and Python's warnings from WARNING up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(logging.WARNING)
    for ours in ("kiosk", "hardware"):
        logging.getLogger(ours).setLevel(logging.INFO)
    logging.captureWarnings(capture=True)
    threading.excepthook = _log_thread
    # A log that can't be written must never end in a traceback on the tap path.
    logging.raiseExceptions = False
