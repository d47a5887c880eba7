"""The last lines of deploy/test: what was skipped and why, what failed, and the count of all tests.

usage: closing_line.py DIRECTORY [FAILED STEP ...]

DIRECTORY holds the JUnit reports that pytest wrote. Exits 1 when a step or test failed, or when CI skipped a test
without an excuse: a skipped test looks like a passed one, so in CI only what no installer can bring may be missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

EXCUSES = (
    "needs root",
    "needs the kernel's",  # for instance: needs the kernel's gpio-sim module
    "needs systemd",
    "needs Python",
)
"""How the reason of a skip begins that CI accepts; what deploy/install brings is never an excuse."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """One skipped test.

    Attributes:
        name: Module and function.
        reason: As the test gave it.
    """

    name: str
    reason: str

    @property
    def excused(self) -> bool:
        """Whether the reason names something that a machine may lack."""
        return self.reason.startswith(EXCUSES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What became of the tests of one or several runs."""

    passed: int
    failed: int
    skips: tuple[Skip, ...]

    def line(self) -> str:
        """Return the closing line, in the wording that readers of logs look for."""
        return f"tests: {self.passed} passed, {self.failed} failed, {len(self.skips)} skipped"


def _skip(case: ET.Element, skipped: ET.Element) -> Skip:
    # A module skipped as a whole has its reason in the text only.
    message = skipped.get("message", "")
    reason = (skipped.text or "").rpartition("Skipped: ")[2].rstrip("')") if message == "collection skipped" else message
    return Skip(name=f"{case.get('classname', '')}::{case.get('name', '')}".removeprefix("::"), reason=reason)


def _cases(reports: Path) -> Iterator[ET.Element]:
    for report in sorted(reports.glob("*.xml")):
        yield from ET.parse(report).iter("testcase")  # noqa: S314 - pytest wrote it a moment ago


def count(reports: Path) -> Count:
    """Count the tests in all JUnit reports of a directory; an error in a fixture is a failure."""
    passed = failed = 0
    skips: list[Skip] = []
    for case in _cases(reports):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif (skipped := case.find("skipped")) is not None:
            skips.append(_skip(case, skipped))
        else:
            passed += 1
    return Count(passed=passed, failed=failed, skips=tuple(skips))


def close(counted: Count, failed_steps: Sequence[str], *, strict: bool) -> tuple[str, int]:
    """Return what to print and the exit code.

    Args:
        counted: What became of the tests.
        failed_steps: The names of the steps that failed.
        strict: Whether a skip without an excuse is a failure, as in CI.
    """
    unexcused = [skip for skip in counted.skips if strict and not skip.excused]
    lines = [f"skipped: {skip.name}: {skip.reason or 'NO REASON GIVEN'}" for skip in counted.skips]
    lines += [f"failed: CI accepts no skip for this reason: {skip.name}" for skip in unexcused]
    lines += [f"failed: {step}" for step in failed_steps]
    lines.append(counted.line())
    good = counted.passed and not (counted.failed or failed_steps or unexcused)
    return "\n".join(lines), 0 if good else 1


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Print the closing lines and return the exit code."""
    text, code = close(count(Path(arguments[0])), arguments[1:], strict=bool(environment.get("CI")))
    sys.stdout.write(f"\n{text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
