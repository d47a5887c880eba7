"""The verb ``doctor``."""

from __future__ import annotations

import os
from typing import Final

import click

from kiosk.cli.common import configured, json_option, show


@click.command()
@json_option
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> int:
    """Look at everything: what `check` does, clock, disk, network, token, permissions; exit 1 where something is red.

    Nothing is registered, cancelled or changed.
    """
    from kiosk.check import lines, report
    from kiosk.doctor.examination import examine

    diagnosis = examine(configured(context, secrets=True), os.environ)
    show(report(diagnosis.findings), as_json=as_json, text=lambda: lines(diagnosis.findings))
    return diagnosis.code


VERBS: Final = (doctor,)
