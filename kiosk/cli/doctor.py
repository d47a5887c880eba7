"""The verbs ``doctor`` and ``doctor card``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from kiosk.cli.common import configured, fields, json_option, show
from kiosk.errors import Declined, NoDaemon, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kiosk.check import Finding
    from kiosk.settings import Config


#: The daemon waits half a minute for a card, and then for the disk.
_CARD_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 60.0


@click.group(invoke_without_command=True)
@click.option("--bundle", type=click.Path(path_type=Path), metavar="FILE.tar.gz", help="Also write a support bundle, a new file.")
@click.option("--log", type=click.Path(path_type=Path), metavar="FILE", help="With --bundle: the daemon's log, else the journal's.")
@json_option
@click.pass_context
def doctor(context: click.Context, *, bundle: Path | None, log: Path | None, as_json: bool) -> int | None:
    """Look at everything: what `check` does, clock, disk, network, token, permissions; exit 1 where something is red.

    Nothing is registered, cancelled or changed. The bundle holds no personal data, keys or tokens; its README.txt says what.
    """
    if context.invoked_subcommand is not None:
        return None
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


@doctor.command("card")
@click.option("--reader", help="Only this reader's next card; else whichever comes first.")
@click.option("--reveal", is_flag=True, help="Also its whole number, as other systems print it.")
@json_option
@click.pass_context
def doctor_card(context: click.Context, *, reader: str | None, reveal: bool, as_json: bool) -> None:
    """Explain the next card at a reader, within 30 seconds: what it is, whether it is known, why it is refused; it is no tap.

    Where a daemon runs its readers are used, else the first reader of the configuration, or the one named.
    """
    from kiosk import control

    if not as_json:
        click.echo("lay the card on the reader", err=True)
    config = configured(context, secrets=False)
    asked = {"reveal": reveal, **({} if reader is None else {"reader": reader})}
    try:
        told = control.ask(config.control.socket, "doctor card", asked, timeout=_PATIENCE_SECONDS)
    except KeyboardInterrupt:
        # Else the next worker's tap would be explained to nobody.
        control.ask(config.control.socket, "badge enrol-stop", {})
        raise
    except NoDaemon:
        told = _looked(configured(context, secrets=True), reader, reveal=reveal)
    show(told, as_json=as_json, text=lambda: fields({name: value for name, value in told.items() if value is not None}))


def _looked(config: Config, reader: str | None, *, reveal: bool) -> dict[str, object]:
    """Look at a card without a daemon, by the reader itself; the store is opened only once a card is there."""
    from hardware.ports import ReaderLost
    from kiosk.desk.explaining import explainer
    from kiosk.opening import borrowed_desk
    from kiosk.readers import open_reader, within
    from kiosk.settings import Driver

    real = [each for each in config.readers if each.driver is not Driver.SIMULATED and reader in {None, each.name}]
    if not real:
        raise UsageError("no daemon runs, and no card can be laid on a simulated reader", repair="start the daemon: `kiosk run`")
    try:
        seen = next(within(open_reader(real[0], config.eid), _CARD_SECONDS), None)
    except ReaderLost as lost:
        raise Declined(f"reader {real[0].name}: {lost}") from None
    if seen is None:
        raise Declined(f"no card was laid on within {_CARD_SECONDS:g} s", repair="run it again and lay the card on the reader")
    if not config.store.path.exists():
        return explainer(None, reveal=reveal)(seen)
    with borrowed_desk(config, create=False) as desk:
        return explainer(desk, reveal=reveal)(seen)


VERBS: Final = (doctor,)
