"""Short ways to write a finding."""

from __future__ import annotations

from kiosk.check import Finding, Grade


def fine(subject: str, told: str) -> Finding:
    """All is well, or nothing is to be done."""
    return Finding(subject=subject, grade=Grade.OK, told=told)


def advice(subject: str, told: str, repair: str) -> Finding:
    """It works, and could be better."""
    return Finding(subject=subject, grade=Grade.ADVICE, told=told, repair=repair)


def red(subject: str, told: str, repair: str) -> Finding:
    """It does not work, or will not when it matters."""
    return Finding(subject=subject, grade=Grade.WRONG, told=told, repair=repair)


def once_real(subject: str, told: str, repair: str, *, serious: bool) -> Finding:
    """Red where registrations are real, advice in training: a laboratory may do without."""
    return red(subject, told, repair) if serious else advice(subject, told, repair)
