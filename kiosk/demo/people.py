"""The invented roster of the demonstration: nobody here exists, all numbers have valid checksums, cards are made up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_NAMES: Final = (
    "Amina B.", "Bart V.", "Chiara R.", "Dries M.", "Elif K.", "Farid H.", "Greta P.", "Hugo L.",
    "Irina S.", "Joris D.", "Kamila N.", "Lars W.", "Mehdi A.", "Nora T.", "Oumar C.", "Petra J.",
    "Quinten G.", "Rosa F.", "Samir E.", "Tessa O.", "Umut Y.", "Vera I.", "Wout U.", "Yasmina Z.",
)  # fmt: skip
_LANGUAGES: Final = ("nl", "fr", "de", "en")


@dataclass(frozen=True, slots=True)
class Worker:
    """One invented worker: card (hexadecimal), INSZ, display name, language."""

    card: str
    insz: str
    name: str
    language: str

    def line(self) -> dict[str, str]:
        """His line for ``badge add``."""
        return {"card": self.card, "insz": self.insz, "name": self.name, "language": self.language}


def _worker(number: int, name: str) -> Worker:
    # Born on the 30th of a month in the sixties to nineties, with a counter that was never given out in this order.
    first = f"{60 + number:02d}{1 + number % 12:02d}30{900 + number:03d}"
    insz = f"{first}{97 - int(first) % 97:02d}"
    return Worker(f"04DE{number:02X}A1B2C380", insz, name, _LANGUAGES[number % len(_LANGUAGES)])


WORKERS: Final = tuple(_worker(number, name) for number, name in enumerate(_NAMES))
#: A card that nobody was given: shown once, so that one sees what an unknown card gets.
STRANGER: Final = "04BADC0FFEE080"
