"""The verbs about the store's file, while no daemon runs: look it through, salvage it, write it anew."""

from __future__ import annotations

from typing import Final

import click

from kiosk.cli.common import CONTEXT, configured, fields, json_option, show


@click.group(context_settings=CONTEXT)
def store() -> None:
    """The store's file, while no daemon runs: look it through, salvage it (a start does both where it must), write it anew."""


@store.command("check")
@json_option
@click.pass_context
def store_check(context: click.Context, *, as_json: bool) -> int:
    """Look every page, index and the log of the store through; exit 1 where something is damaged."""
    from kiosk.opening import examine_store

    config = configured(context, secrets=True)
    found = examine_store(config)
    result = {"path": str(config.store.path), "sound": found is None, "found": found}
    show(result, as_json=as_json, text=lambda: fields(result))
    return 0 if found is None else 1


@store.command("salvage")
@json_option
@click.pass_context
def store_salvage(context: click.Context, *, as_json: bool) -> None:
    """Keep the store under another name and carry every row that can be read over into a new one."""
    from kiosk.opening import salvage_store

    result = salvage_store(configured(context, secrets=True))
    show(result, as_json=as_json, text=lambda: fields(result))


@store.command("compact")
@json_option
@click.pass_context
def store_compact(context: click.Context, *, as_json: bool) -> None:
    """Write the whole store anew, so that nothing deleted is left in it.

    Once is enough, where an earlier version deleted from it: what is deleted now is overwritten at once.
    """
    from kiosk.opening import compact_store

    config = configured(context, secrets=True)
    before, after = compact_store(config)
    result = {"path": str(config.store.path), "bytes_before": before, "bytes_after": after}
    show(result, as_json=as_json, text=lambda: fields(result))


VERBS: Final = (store,)
