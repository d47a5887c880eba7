"""The verb ``doctor``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from kiosk.cli.common import configured, json_option, show
from kiosk.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kiosk.check import Finding
    from kiosk.settings import Config


@click.command()
@click.option("--bundle", type=click.Path(path_type=Path), metavar="FILE.tar.gz", help="Also write a support bundle, a new file.")
@click.option("--log", type=click.Path(path_type=Path), metavar="FILE", help="With --bundle: the daemon's log, else the journal's.")
@json_option
@click.pass_context
def doctor(context: click.Context, *, bundle: Path | None, log: Path | None, as_json: bool) -> int:
    """Look at everything: what `check` does, clock, disk, network, token, permissions; exit 1 where something is red.

    Nothing is registered, cancelled or changed. The bundle holds no personal data, keys or tokens; its README.txt says what.
    """
    from kiosk.check import lines, report
    from kiosk.doctor.examination import examine
    from kiosk.doctor.grading import red

    try:
        config = configured(context, secrets=True)
    except UsageError as error:
        if bundle is not None:
            _bundle(bundle, [red("configuration", error.message, error.repair or "correct it")], None, log)
        raise
    diagnosis = examine(config, os.environ)
    if bundle is not None:
        _bundle(bundle, diagnosis.findings, config, log)
    show(report(diagnosis.findings), as_json=as_json, text=lambda: lines(diagnosis.findings))
    return diagnosis.code


def _bundle(path: Path, findings: Sequence[Finding], config: Config | None, log: Path | None) -> None:
    from kiosk.doctor.bundle import collect, write

    write(path, collect(findings, config, log=log))
    click.echo(f"kiosk: {path} is written: look through it before you give it away", err=True)


VERBS: Final = (doctor,)
