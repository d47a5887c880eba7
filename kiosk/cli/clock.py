"""The verb about the clock: lift."""

from __future__ import annotations

import click

from kiosk.cli.common import configured, json_option, show
from kiosk.model import rfc3339


@click.group()
def clock() -> None:
    """The system clock."""


@clock.command()
@json_option
@click.pass_context
def lift(context: click.Context, *, as_json: bool) -> None:
    """Set a clock that stands before the newest trusted time of the store to that time; never back. Before the daemon, as root."""
    from kiosk import lifting
    from kiosk.opening import borrowed_store
    from kiosk.timekeeper import wall_clock

    config = configured(context, secrets=True)
    wanted = None
    if config.store.path.exists():
        with borrowed_store(config) as (database, _, _):
            wanted = lifting.due(database, wall=wall_clock)
    if wanted is not None:
        # Outside: there it is the store's owner who acts, and only root may set a clock.
        lifting.set_system_clock(wanted.to_ms)
        with borrowed_store(config) as (database, vault, _):
            lifting.record(database, vault, wanted)
    told: dict[str, object] = {"lifted": wanted is not None, "from": None, "to": None}
    if wanted is not None:
        told |= {"from": rfc3339(max(0, wanted.from_ms)), "to": rfc3339(wanted.to_ms)}
    text = "the clock is not behind" if wanted is None else f"the clock was lifted from {told['from']} to {told['to']}"
    show(told, as_json=as_json, text=lambda: text)


VERBS = (clock,)
