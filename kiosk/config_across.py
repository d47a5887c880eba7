"""What is wrong in the configuration only beside something else in it."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import fields
from datetime import date

from hardware.formats import Format
from hardware.nfc_paths import ANY_USB, understood
from kiosk.config_checks import Mistake, Wrong, operation_path
from kiosk.config_draft import Draft
from kiosk.device_settings import Button, Eid, Indicator
from kiosk.identifiers import DeclarationNumber
from kiosk.model import Environment
from kiosk.retention_settings import Retention
from kiosk.settings import Credential, Declaration, Driver, NamesEmployer, Reader, Rules, Service
from kiosk.site_settings import Position, PositionSource, Site, misplaced


def across(draft: Draft) -> Iterator[Mistake]:
    """Everything that is wrong only beside something else."""
    yield from _employers(draft)
    for site in draft.good(Site).values():
        yield from _place(site)
    yield from _declarations(draft.good(Declaration))
    yield from _own_places(draft)
    yield from _readers(draft)
    yield from _identity_cards(draft)
    for service in draft.good(Service).values():
        yield from _paths(service)
    yield from _credentials(draft.good(Credential))
    for rules in draft.good(Rules).values():
        if rules.ask_after_hours >= rules.max_shift_hours:
            yield Mistake("rules.ask_after_hours", "is not below max_shift_hours; lower it or raise the other")
    for indicator in draft.good(Indicator).values():
        yield from _indicator(indicator, has_buttons=bool(draft.good(Button)))
    for retention in draft.good(Retention).values():
        yield from _retention(retention)
    yield from _buttons(draft)
    yield from _lines(draft)


def _employers(draft: Draft) -> Iterator[Mistake]:
    declarations = draft.good(Declaration)
    for key, section in {**draft.good(NamesEmployer), **declarations, **draft.good(Credential)}.items():
        if section.enterprise_number and section.foreign_vat_number:
            yield Mistake(
                f"{key}.foreign_vat_number", "stands beside enterprise_number; an employer has one of them, remove the other"
            )
    nameless = [key for key, declaration in declarations.items() if declaration.employer is None]
    repair = "add enterprise_number or foreign_vat_number"
    if not any(section.employer is None for section in draft.good(NamesEmployer).values()):
        return
    if draft.has("employer"):
        yield Mistake("employer", f"names nobody; {repair}, or remove the section")
    elif nameless and not draft.is_local_only:
        yield Mistake("employer", f"is missing, and {nameless[0]} names none; {repair} here or in each declaration")


def _place(site: Site) -> Iterator[Mistake]:
    if wrong := misplaced(site.latitude, site.longitude):
        yield Mistake("site.latitude", wrong)


def _credentials(credentials: Mapping[str, Credential]) -> Iterator[Mistake]:
    for key, credential in credentials.items():
        if credential.employer is None:
            yield Mistake(key, "names no employer; add enterprise_number or foreign_vat_number, or use [service] for everybody")
    yield from _twice({f"{key}: employer": each.employer for key, each in credentials.items() if each.employer is not None})


def _declarations(declarations: Mapping[str, Declaration]) -> Iterator[Mistake]:
    yield from _twice({f"{key}.number": declaration.number for key, declaration in declarations.items()})
    for key, declaration in declarations.items():
        if (declaration.valid_from or date.min) > (declaration.valid_until or date.max):
            yield Mistake(f"{key}.valid_until", "lies before valid_from; correct one of the two dates")


def _own_places(draft: Draft) -> Iterator[Mistake]:
    declarations = draft.good(Declaration)
    for key, declaration in declarations.items():
        if (declaration.latitude is None) != (declaration.longitude is None):
            missing = "latitude" if declaration.latitude is None else "longitude"
            yield Mistake(f"{key}.{missing}", "is missing beside the other one; a place has both, or neither for that of [site]")
        elif declaration.fence and (wrong := misplaced(declaration.fence.centre.latitude, declaration.fence.centre.longitude)):
            yield Mistake(f"{key}.latitude", wrong)
    travels = any(each.source is PositionSource.GPSD for each in draft.good(Position).values())
    at_the_site = [key for key, declaration in declarations.items() if declaration.fence is None]
    open_site = any(site.fence is None for site in draft.good(Site).values())
    if travels and open_site and at_the_site and len(at_the_site) < len(declarations):
        told = f"is none, so {at_the_site[0]}, which has no place of its own as others have, would count everywhere"
        yield Mistake("site.fence_meters", f"{told}; give the site a fence, or the declaration its latitude and longitude")


def _readers(draft: Draft) -> Iterator[Mistake]:
    readers = draft.good(Reader)
    yield from _twice({f"{key}.name": reader.name for key, reader in readers.items()})
    yield from _contactless(readers)
    production = any(service.environment is Environment.PRODUCTION for service in draft.good(Service).values())
    for key, reader in readers.items():
        if production and reader.pretends:
            # The one is the simulated driver, the other a contactless reader whose match is a network path.
            wrong, found = (
                ("driver", "is simulated") if reader.driver is Driver.SIMULATED else ("match", "lets any program play cards")
            )
            why = "but service.api_url names the production host; use a real reader, or the host of a training service"
            yield Mistake(f"{key}.{wrong}", f"{found}, {why}")
        yield from _typing(key, reader)
        if reader.declaration is not None:
            yield from _declared(f"{key}.declaration", reader.declaration, draft)


def _contactless(readers: Mapping[str, Reader]) -> Iterator[Mistake]:
    paths = {f"{key}.match": each.match or ANY_USB for key, each in readers.items() if each.driver is Driver.CONTACTLESS}
    yield from _twice(paths)
    for key, path in paths.items():
        if not understood(path):
            yield Mistake(key, "is no path of nfcpy; write one such as usb, usb:054c:06c3 or tty:AMA0:pn532")


def _identity_cards(draft: Draft) -> Iterator[Mistake]:
    """What is read of people is told to them; and badges and identity cards go to different devices."""
    readers = draft.good(Reader)
    reading = {key: reader for key, reader in readers.items() if reader.driver is Driver.EID}
    if reading and any(eid.purpose is None for eid in draft.good(Eid).values()):
        why = "is missing, and identity cards are read; write in a sentence, for the people at the reader, what for"
        yield Mistake("eid.purpose", why)
    radio = {key: reader for key, reader in readers.items() if reader.driver is Driver.PCSC}
    for key, reader in (reading | radio).items() if reading and radio else ():
        if reader.match is None:
            why = (
                "is missing; PC/SC readers for badges and for identity cards each need a part of the device's name to be told apart"
            )
            yield Mistake(f"{key}.match", why)


def _typing(key: str, reader: Reader) -> Iterator[Mistake]:
    """A keyboard is opened by its path: by a part of a name the admin's own keyboard could be taken from him."""
    if reader.driver is not Driver.KEYBOARD:
        if reader.format is not Format.HEX:
            yield Mistake(f"{key}.format", 'is how a reader types, and only driver = "keyboard" types; remove the line')
    elif reader.match is None or not reader.match.startswith("/"):
        yield Mistake(
            f"{key}.match", "must be the device's path, which `ls -l /dev/input/by-id` lists; write /dev/input/by-id/...-event-kbd"
        )


def _retention(retention: Retention) -> Iterator[Mistake]:
    if retention.evidence_days < retention.registrations_days:
        yield Mistake(
            "retention.evidence_days", "is less than registrations_days: rows would outlive what proves them; raise it to that"
        )


def _twice(values: Mapping[str, Hashable]) -> Iterator[Mistake]:
    seen: dict[Hashable, str] = {}
    for key, value in values.items():
        if value in seen:
            yield Mistake(key, f"is the same as {seen[value]}; give each its own, or remove one")
        seen.setdefault(value, key)


def _paths(service: Service) -> Iterator[Mistake]:
    for path in fields(service.paths):
        try:
            operation_path(getattr(service.paths, path.name), takes_id=path.name == "consult")
        except Wrong as error:
            yield Mistake(f"service.paths.{path.name}", str(error))


def _indicator(indicator: Indicator, *, has_buttons: bool) -> Iterator[Mistake]:
    if (indicator.night_from is None) is not (indicator.night_until is None):
        yield Mistake("indicator.night_from", "and night_until go together; give both, or none")
    if indicator.chip and not indicator.lines and not has_buttons:
        yield Mistake(
            "indicator.chip", "has no line that is used; add green, red, blue, white or buzzer, or a [[button]]; or remove it"
        )


def _buttons(draft: Draft) -> Iterator[Mistake]:
    buttons = draft.good(Button)
    yield from _twice({f"{key}.name": button.name for key, button in buttons.items()})
    readers = {reader.name for reader in draft.good(Reader).values()}
    for key, button in buttons.items():
        if (button.press is None) == (button.declaration is None):
            found = "stands for nothing" if button.press is None else "has both press and declaration"
            yield Mistake(key, f"{found}; give it one of the two")
        if readers and button.reader is not None and button.reader not in readers:
            yield Mistake(f"{key}.reader", "is the name of no [[reader]] here; add it or correct the name")
        if button.declaration is not None:
            yield from _declared(f"{key}.declaration", button.declaration, draft)


def _declared(key: str, number: DeclarationNumber, draft: Draft) -> Iterator[Mistake]:
    declared = {declaration.number for declaration in draft.good(Declaration).values()}
    if declared and number not in declared:
        yield Mistake(key, "is the number of no [[declaration]] here; add it or correct the number")


def _lines(draft: Draft) -> Iterator[Mistake]:
    """Lamps and buttons on one line: the second could never be opened."""
    used: dict[str, tuple[str | None, int]] = {}
    chip = None
    for indicator in draft.good(Indicator).values():
        chip = indicator.chip
        used |= {f"indicator.{name}": (chip, line) for name, line in indicator.lines.items()}
    used |= {f"{key}.line": (button.chip or chip, button.line) for key, button in draft.good(Button).items()}
    yield from _twice(used)
