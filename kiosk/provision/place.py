"""The site's coordinates, held against the addresses that the service sees there."""

from __future__ import annotations

from kiosk.config import load
from kiosk.durable import write_whole
from kiosk.model import Address
from kiosk.provision import questions
from kiosk.provision.askers import Asker
from kiosk.provision.conversation import Setup, services_of
from kiosk.provision.template import replaced
from kiosk.settings import Config
from kiosk.verdicts import Addresses


def confirm_place(setup: Setup, config: Config) -> Config:
    """Show which addresses the service sees at the coordinates, and have a person say that they are the place.

    Without a network that is said and nothing stops: the next run asks again. A place that was confirmed is not asked about.

    Returns:
        The configuration, with the coordinates as they are now.
    """
    asker, notebook = setup.asker, setup.notebook
    while _shows_addresses(asker, config):
        if not asker.attended or notebook.text(questions.PLACE.key) is None:
            break
        if asker.agree("Does the box stand there?"):
            notebook.close()
            break
        before = f"{config.site.latitude}, {config.site.longitude}"
        notebook.forget(questions.PLACE.key)
        place = questions.read_place(asker.ask(questions.PLACE, hint=before))
        text = setup.config.read_text(encoding="utf-8-sig")
        for name, degrees in (("latitude", place.latitude), ("longitude", place.longitude)):
            text = replaced(text, "site", name, repr(degrees))
        write_whole(setup.config, text, mode=setup.config.stat().st_mode & 0o777)
        config = load(setup.config, setup.environ)
    return config


def _shows_addresses(asker: Asker, config: Config) -> bool:
    """Tell what the service sees at the coordinates; whether it could be asked at all."""
    services = services_of(config)
    try:
        found = services.addresses(config.site.coordinates)
    finally:
        services.close()
    match found:
        case Addresses(items=()):
            asker.say("The service knows no address at these coordinates: compare them with a map once more.")
        case Addresses(items=items):
            asker.say("At these coordinates the service sees:")
            for address in items[:5]:
                asker.say(f"  {_told(address)}")
        case other:
            asker.say(f"The addresses at these coordinates could not be asked for: {other.why}")
    return isinstance(found, Addresses)


def _told(address: Address) -> str:
    box = f" box {address.box_number}" if address.box_number else ""
    return f"{address.street} {address.house_number}{box}, {address.post_code} {address.municipality}"
