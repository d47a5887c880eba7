"""The verbs: parse, call one function, print. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from kiosk.cli.book import VERBS as BOOK_VERBS
from kiosk.cli.box import VERBS as BOX_VERBS
from kiosk.cli.clock import VERBS as CLOCK_VERBS
from kiosk.cli.common import CONTEXT, complain
from kiosk.cli.contract import VERBS as CONTRACT_VERBS
from kiosk.cli.doctor import VERBS as DOCTOR_VERBS
from kiosk.cli.eid import VERBS as EID_VERBS
from kiosk.cli.evidence import VERBS as EVIDENCE_VERBS
from kiosk.cli.paper import VERBS as PAPER_VERBS
from kiosk.cli.people import VERBS as PEOPLE_VERBS
from kiosk.cli.provision import VERBS as PROVISION_VERBS
from kiosk.cli.service import VERBS as SERVICE_VERBS
from kiosk.cli.site import VERBS as SITE_VERBS
from kiosk.cli.store import VERBS as STORE_VERBS
from kiosk.errors import KioskError, UsageError


@click.group(context_settings=CONTEXT)
@click.option("--config", "config_path", metavar="FILE", help="Configuration; else $KIOSK_CONFIG, else /etc/kiosk/kiosk.toml.")
@click.version_option(package_name="ciao-kiosk")
@click.pass_context
def kiosk(context: click.Context, config_path: str | None) -> None:
    """Presence registrations for the Belgian service Check In and Out at Work, from badge taps."""
    context.obj = config_path


for _verb in (
    *BOX_VERBS,
    *CLOCK_VERBS,
    *DOCTOR_VERBS,
    *PROVISION_VERBS,
    *PEOPLE_VERBS,
    *BOOK_VERBS,
    *SERVICE_VERBS,
    *EID_VERBS,
    *EVIDENCE_VERBS,
    *CONTRACT_VERBS,
    *STORE_VERBS,
    *SITE_VERBS,
    *PAPER_VERBS,
):
    kiosk.add_command(_verb)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit code; a user's mistake is told in a sentence, never in a traceback.

    Raises:
        SystemExit: 1 where the reader of our output went away (`| head`): click ends quietly by itself.
    """
    try:
        code = kiosk.main(args=arguments, prog_name="kiosk", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("\nstopped", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return 2
    except KioskError as error:
        complain(error)
        return 2 if isinstance(error, UsageError) else 1
    return code if isinstance(code, int) else 0


def entry() -> None:
    """The ``kiosk`` command."""
    sys.exit(main())
