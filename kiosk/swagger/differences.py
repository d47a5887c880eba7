"""What was found to differ, as values."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from kiosk.contract_shapes import Call
from kiosk.swagger.schemas import References


class Severity(StrEnum):
    """How much a difference matters: something stops, something works for a part only, or it is good to know."""

    BREAKS = "breaks"
    LIMITS = "limits"
    INFORMATION = "information"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A line of the configuration that repairs a difference."""

    section: str
    key: str
    value: str | int

    @property
    def line(self) -> str:
        """The line, as TOML."""
        return f"{self.key} = {json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One difference between the contract and the document.

    Attributes:
        operation: The call's name, or ``service`` for what all share, or a method and path for one that is new.
        where: Of the request, an answer, the path and so on; members as Belgif names them: ``request items[].ssin``.
        assumed: What the client does or expects.
        described: What the document says.
        consequence: What follows, in words.
        severity: How much it matters.
        repair: What to write into the configuration, where that repairs it.
    """

    operation: str
    where: str
    assumed: str
    described: str
    consequence: str
    severity: Severity
    repair: Setting | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where the comparison stands.

    Attributes:
        call: Of which call.
        references: Of the document.
        where: As in ``Difference``.
        consequence: What follows when what stands here fails.
        vital: Whether the call fails with it.
        depth: How many alternatives of the document lie around it.
    """

    call: Call
    references: References
    where: str
    consequence: str
    vital: bool = True
    depth: int = 0

    def member(self, name: str) -> Spot:
        """The member of this name below."""
        head, _, path = self.where.partition(" ")
        return replace(self, where=f"{head} {f'{path}.' if path else ''}{name}")

    def element(self) -> Spot:
        """Any element of the array that is here."""
        return replace(self, where=f"{self.where}[]")

    def branch(self) -> Spot:
        """The same place within one alternative."""
        return replace(self, depth=self.depth + 1)

    def differs(
        self,
        assumed: str,
        described: str,
        *,
        severity: Severity | None = None,
        consequence: str | None = None,
        repair: Setting | None = None,
    ) -> Difference:
        """Note a difference here; unless told otherwise it has the consequence of the spot."""
        return Difference(
            operation=self.call.name,
            where=self.where,
            assumed=assumed,
            described=described,
            consequence=consequence or self.consequence,
            severity=severity or (Severity.BREAKS if self.vital else Severity.LIMITS),
            repair=repair,
        )


def configuration(differences: Iterable[Difference]) -> str:
    """Return the lines that repair what configuration can repair, as TOML, each section once; empty where none can."""
    sections: dict[str, dict[str, str]] = {}
    for difference in differences:
        if (setting := difference.repair) is not None:
            sections.setdefault(setting.section, {}).setdefault(setting.key, setting.line)
    return "\n\n".join("\n".join((f"[{section}]", *lines.values())) for section, lines in sections.items())


def matters(differences: Iterable[Difference]) -> bool:
    """Whether any of them is more than good to know."""
    return any(difference.severity is not Severity.INFORMATION for difference in differences)
