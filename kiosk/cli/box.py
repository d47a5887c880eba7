"""The verbs about the box: run, check, status, tap, present, simulator, demo."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from kiosk import control
from kiosk.cli.common import ask, configured, fields, json_option, show, table
from kiosk.errors import UsageError
from kiosk.model import Press, Signal

_PRESENT: Final = ("name", "standing", "since", "reader")


@click.command()
@click.pass_context
def run(context: click.Context) -> int:
    """Run the daemon in the foreground; SIGTERM ends it."""
    from kiosk import daemon

    return daemon.run(configured(context, secrets=True), os.environ)


@click.command()
@json_option
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> int:
    """Check configuration, keys, certificate, store and readers, without the network."""
    from kiosk.check import Grade, lines, report
    from kiosk.check import check as look

    findings = look(configured(context, secrets=True), datetime.now(UTC))
    show(report(findings), as_json=as_json, text=lambda: lines(findings))
    return 2 if any(finding.grade is Grade.WRONG for finding in findings) else 0


@click.command()
@json_option
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Print how the running daemon stands; exit 1 when none answers."""
    result = control.ask(configured(context, secrets=False).control.socket, "status", {})
    show(result, as_json=as_json, text=lambda: fields(result))


@click.command()
@click.argument("card")
@click.option("--reader", help="Which simulated reader, where there are several.")
@click.option("--press", type=click.Choice([each.value for each in Press]), help="Press this button before.")
@click.option("--declaration", metavar="NUMBER", help="Press the button of this declaration before.")
@json_option
@click.pass_context
def tap(context: click.Context, *, card: str, reader: str | None, press: str | None, declaration: str | None, as_json: bool) -> int:
    """Lay CARD ([kind:]hex) on a simulated reader of the running daemon and print its signal (training only)."""
    params = {"card": card, "reader": reader, "press": press, "declaration": declaration}
    result = control.ask(configured(context, secrets=False).control.socket, "tap", params)
    show(result, as_json=as_json, text=lambda: _told(result))
    return 1 if result["signal"] == Signal.FAILED else 0


@click.command()
@json_option
@click.pass_context
def present(context: click.Context, *, as_json: bool) -> None:
    """Print who is here, on break, left within 15 minutes, and unknown cards."""
    result = ask(context, "present", {})
    show(
        result,
        as_json=as_json,
        text=lambda: f"{result['here']} here\n{table(result['items'], _PRESENT, empty='nobody')}\n{result['cannot_know']}",
    )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to serve on.")
@click.option("--port", default=0, show_default=True, type=click.IntRange(0, 65535), help="0 takes a free one.")
@click.option(
    "--state", "state_dir", required=True, type=click.Path(path_type=Path), help="Folder for its authority and certificate."
)
@click.option(
    "--client",
    "clients",
    multiple=True,
    metavar="ID=FILE",
    help="A client id and the PEM of its certificate or public key; may be repeated.",
)
@click.option(
    "--fault", "chances", multiple=True, metavar="NAME=CHANCE", help="A fault by name and its probability per request, 0 to 1."
)
@click.option("--deny", "denied", multiple=True, metavar="NUMBER", help="An employer without permission.")
@click.option("--validity-delay", default=0.0, show_default=True, help="Seconds until a registration's validity is final.")
@click.option("--search-lag", default=0.0, show_default=True, help="Seconds until search finds a new registration.")
@click.option("--token-seconds", default=600, show_default=True, help="Life of a token.")
@click.option("--seed", default=0, show_default=True, help="Of the dice for the faults.")
@json_option
def simulator(
    *,
    host: str,
    port: int,
    state_dir: Path,
    clients: tuple[str, ...],
    chances: tuple[str, ...],
    denied: tuple[str, ...],
    as_json: bool,
    **behaviour: Any,
) -> int:
    """Run the service double over TLS: same rules as the real service, and faults by name. Nothing real is registered.

    Its registrations are gone when it ends; its authority and certificate stay.
    """
    from kiosk.simulator import run as simulator_run
    from kiosk.simulator.faults import Fault
    from kiosk.simulator.simulator import Behaviour

    options = simulator_run.Options(
        state_dir=state_dir,
        behaviour=Behaviour(
            host=host,
            port=port,
            validity_delay_seconds=behaviour["validity_delay"],
            search_lag_seconds=behaviour["search_lag"],
            token_seconds=behaviour["token_seconds"],
            seed=behaviour["seed"],
            # Its rows end with it, the book of the kiosk that it served does not: no id is given out twice.
            first_id=time.time_ns() // 1_000_000,
        ),
        clients=tuple((name, Path(file)) for name, file in (_pair(client, "--client ID=FILE") for client in clients)),
        chances=tuple(
            (_fault(name, Fault), _chance(chance)) for name, chance in (_pair(each, "--fault NAME=CHANCE") for each in chances)
        ),
        denied_employers=denied,
        json=as_json,
    )
    return simulator_run.run(options)


@click.command()
@click.option("--taps", type=click.IntRange(1), help="Make so many taps, wait until all are accepted, and end.")
@click.option("--offline", is_flag=True, help="Cut the service for a while in the middle.")
@click.option("--port", type=click.IntRange(0, 65535), help="The site display's port; this version has no site display yet.")
@json_option
def demo(*, taps: int | None, offline: bool, port: int | None, as_json: bool) -> int:
    """Show the main job on one machine: service double, invented roster, the real daemon; nothing real is registered."""
    from kiosk.demo import play

    if port is not None:
        click.echo("kiosk: there is no site display in this version yet: nothing listens on that port", err=True)

    return play.run(play.Options(taps=taps, offline=offline, as_json=as_json))


def _pair(text: str, form: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise UsageError(f"{form}: not in this form", repair="see `kiosk simulator --help`")
    return name, value


def _fault(name: str, known: Any) -> Any:
    try:
        return known(name)
    except ValueError:
        raise UsageError(f"--fault: no such fault; there are: {', '.join(known)}") from None


def _chance(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError("--fault NAME=CHANCE: the chance is a number from 0 to 1") from None


def _told(result: dict[str, Any]) -> str:
    extra = [f"registration {', '.join(map(str, result['ids']))}"] if result["ids"] else []
    if result["signal"] == Signal.LOCAL:
        extra.append(f"{result['direction']}, nothing is owed")
    if result["offline"]:
        extra.append("saved, sent later")
    if result["clock"] != "ok":
        extra.append("waits for a trusted clock")
    if result["since"]:
        extra.append(f"since {result['since']}")
    if result["why"]:
        extra.append(result["why"])
    # Told once: the worker's own remarks, each in a line.
    return "\n".join((" - ".join((result["signal"], *extra)), *result.get("remarks", ())))


VERBS: Final = (run, check, status, tap, present, simulator, demo)
