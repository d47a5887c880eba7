"""The fields of a badge line, as an admin writes them about one person: each is checked, and every mistake kept.

No message repeats a value or an unknown field's name: in a file without a header the first person stands where the names should.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from kiosk.errors import UsageError
from kiosk.identifiers import EID, CardId, DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber, Insz
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
#: What that code holds is not known, so whatever names Limosa or is a link counts.
_LIMOSA: Final = re.compile(r"\d(?:[\s./-]?\d){16}|(?:L-?1|limosa)\b.*|https?://\S+", re.IGNORECASE | re.DOTALL)
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
        return None if self.card is None else self.line_of(self.card)

    def line_of(self, card: CardId) -> BadgeLine | None:
        """The person with this card, or None where no INSZ was given."""
        if self.insz is None:
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
        return BadgeLine(card=card, profile=profile, says_capacity=self.capacity is not None, says_local=self.local is not None)


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


def parse_given(
    fields: Mapping[str, object], where: str, mistakes: Mistakes, card: Callable[[str], CardId] = CardId.parse_badge
) -> Given:
    """Check the fields that are there; a null or empty one counts as left out.

    Args:
        fields: By the names in ``FIELDS``; another name is a mistake.
        where: What to call the place in a message, for instance ``line 3``; may be empty.
        mistakes: Collects what is wrong.
        card: Reads the card's number, or raises ``ValueError``; not asked for the word ``eid``, the person's identity card.
    """
    for position, name in enumerate(fields, 1):
        if name not in FIELDS:
            mistakes.add(at(where, f"field {position}"), unknown_name(name, FIELDS))

    def read(name: str, parse: Callable[[str], _T]) -> _T | None:
        return _read(fields.get(name), at(where, name), parse, mistakes)

    enterprise, vat = read("enterprise_number", EnterpriseNumber.parse), read("foreign_vat_number", ForeignVatNumber.parse)
    if enterprise is not None and vat is not None:
        mistakes.add(at(where, "foreign_vat_number"), "an employer has either an enterprise_number or a foreign_vat_number")
    # Nobody types the number of an identity card: it is its holder's, and stands beside.
    own = str(fields.get("card") or "").strip().lower() == EID
    badge, insz = None if own else read("card", card), read("insz", parse_insz)
    return Given(
        card=CardId.of_person(insz) if own and insz is not None else badge,
        insz=insz,
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


def at(where: str, name: str) -> str:
    """Say where a mistake stands: a field's name, after the line if there is one."""
    return f"{where}, {name}" if where else name


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
