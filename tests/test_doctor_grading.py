from __future__ import annotations

from kiosk.check import Finding, Grade
from kiosk.doctor.grading import advice, fine, once_real, red


def test_a_finding_is_written_with_its_grade() -> None:
    """What is well needs no repair, everything else has one."""
    assert fine("a", "x") == Finding(subject="a", grade=Grade.OK, told="x")
    assert advice("a", "x", "y") == Finding(subject="a", grade=Grade.ADVICE, told="x", repair="y")
    assert red("a", "x", "y") == Finding(subject="a", grade=Grade.WRONG, told="x", repair="y")


def test_a_laboratory_may_do_without() -> None:
    """What matters only once registrations are real is red there and advice in training."""
    assert once_real("a", "x", "y", serious=True) == red("a", "x", "y")
    assert once_real("a", "x", "y", serious=False) == advice("a", "x", "y")
