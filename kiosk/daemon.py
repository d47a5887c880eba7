"""The only builder: configuration to parts to threads to stop; returns the exit code.

One thread a reader, one for the buttons, one each for delivery, follow-up, other channels, the notary and control; this one
waits for signals and feeds the watchdog. A reader, the buttons or a part that only asks is started again when it fails; delivery or
control failing, or a dead store, ends the process with 1 and the service manager starts it afresh.
"""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final

from hardware.buttons import GpioButtons
from hardware.indicator import open_indicator
from hardware.ports import Sighting
from kiosk import config_digest, outbox, readers, slices
from kiosk.afterwards import Afterwards
from kiosk.channels import Channels
from kiosk.checkup import Checkup
from kiosk.clockwork import Clockwork
from kiosk.codes import claimer
from kiosk.control import ControlServer
from kiosk.crew import ALARM, Crew, Work
from kiosk.delivery import Delivery
from kiosk.doorstep import Doorstep
from kiosk.enrolling import Enrolling
from kiosk.entrance import Answers, Entrance
from kiosk.followup import FollowUp
from kiosk.intake import Intake
from kiosk.lamps import Lamps
from kiosk.lending import Lending
from kiosk.locator import locator_of
from kiosk.logs import start_logging
from kiosk.metrics import CONTENT_TYPE, exposition
from kiosk.metrics_server import MetricsServer
from kiosk.model import Answer, Signal
from kiosk.notary import Notary
from kiosk.obligations import Gate
from kiosk.opening import House, desk_of, open_house
from kiosk.panel import Panel, wirings
from kiosk.perimeter import Perimeter
from kiosk.presses import Presses
from kiosk.reconciliation import Reconciler, Reconciliation
from kiosk.reminders import Reminders
from kiosk.retention import Caretaker
from kiosk.room import Room
from kiosk.settings import Config
from kiosk.settings import Reader as ReaderSettings
from kiosk.switchboard import Switchboard
from kiosk.systemd import ServiceManager
from kiosk.vigil import Vigil

if TYPE_CHECKING:
    from kiosk.services import Services

_log = logging.getLogger(__name__)

_SIGNALS: Final = frozenset({signal.SIGTERM, signal.SIGINT, ALARM})
#: How often the resting light is looked after; the watchdog may ask for more.
_LOOK_SECONDS: Final = 5.0


def run(config: Config, environ: Mapping[str, str]) -> int:
    """Run the daemon in the foreground until SIGTERM or SIGINT (0), or until a part that must not fail does (1).

    Raises:
        KioskError: It could not start: wrong configuration, key or store.
    """
    start_logging()
    os.umask(0o077)
    # Blocked in every thread from the start: a signal waits until the main thread asks for it.
    signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    house = open_house(config, create=True)
    try:
        return _Daemon(config, house, ServiceManager(environ)).run()
    finally:
        house.database.close()


class _Daemon:
    """The parts of one run, wired; ``run`` returns the exit code."""

    def __init__(self, config: Config, house: House, manager: ServiceManager) -> None:
        self._config = config
        self._house = house
        self._manager = manager
        self._crew = Crew()
        self._building = Lock()
        self._services: Services | None = None
        self._answers = Answers()
        house.database.write(partial(outbox.recover, book=house.book.id))
        self._indicator = open_indicator(
            chip=config.indicator.chip, lines=config.indicator.lines, active_low=config.indicator.active_low
        )
        self._lamps = Lamps(
            self._indicator,
            house.book.environment,
            house.timekeeper.read,
            zone=config.site.time_zone,
            night=config.indicator.night,
        )
        book = outbox.Outbox(house.database, house.vault, house.book.id)
        self._followup = FollowUp(
            book,
            self._service,
            house.timekeeper.read,
            patience=slices.patience(config),
        )
        self._delivery = Delivery(book, self._service, house.timekeeper.read, slices.delivery(config), accepted=self._accepted)
        self._channels = Channels(book, self._service, house.timekeeper.read, slices.channels(config))
        self._clockwork = Clockwork(book, house.timekeeper, slices.bearings(config), healed=self._delivery.nudge)
        declarations = [declaration.number for declaration in config.declarations]
        self._reconciliation = Reconciliation(
            Reconciler(
                book,
                self._service,
                house.timekeeper.read,
                zone=config.site.time_zone,
                declarations=declarations,
                max_shift_hours=config.rules.max_shift_hours,
            )
        )
        self._notary = Notary(
            database=house.database,
            vault=house.vault,
            signer=house.signer,
            clock=house.timekeeper.read,
            configuration=config_digest.digests(config),
        )
        self._caretaker = Caretaker(book, config.retention, house.timekeeper.read, zone=config.site.time_zone)
        self._afterwards = Afterwards(book, house.timekeeper.read, confirmed=self._delivery.nudge)
        self._reminders = Reminders(book, house.timekeeper.read, slices.reminders(config))
        self._room = Room(house.database, config.store.max_megabytes)
        self._checkup = Checkup(house.database, house.timekeeper.read)
        self._locator = locator_of(config.position, config.fences, Perimeter(book, house.timekeeper.read, config.fences).note)
        self._doorstep = self._build_doorstep()
        self._panel = self._build_panel()
        self._entrances = [self._build_entrance(reader) for reader in config.readers]
        self._board = Switchboard(
            desk=replace(desk_of(config, house, self._service), delivery=self._delivery),
            book=house.book,
            entrances=self._entrances,
            answers=self._answers,
            service=self._delivery.status,
            light=lambda: self._indicator.alive,
            certificates=config.certificates,
            faults=lambda: {} if self._services is None else self._services.faults,
            presses=self._doorstep.presses,
            declarations=config.declarations,
            panel=self._panel,
            room=self._room,
            enrolling=self._doorstep.enrolling,
            locator=self._locator,
        )
        listen = config.metrics.listen
        self._metrics = None if listen is None else MetricsServer(listen, lambda: exposition(self._board.view()), CONTENT_TYPE)
        self._vigil = Vigil(house.database, house.timekeeper.read, delivery=self._delivery, readers=self._entrances)
        self._control = ControlServer(config.control.socket, self._board.calls())

    def run(self) -> int:
        """Start every thread, say READY, wait for the end, and leave nothing half-done."""
        self._start()
        self._manager.ready()
        _log.info("ready", extra={"environment": self._house.book.environment.value, "book": self._house.book.id})
        try:
            self._wait()
        finally:
            self._manager.stopping()
            self._end()
        return 1 if self._crew.failed else 0

    def _start(self) -> None:
        essential: dict[str, Work] = {"control": self._control.run, "delivery": self._delivery.run}
        essential |= {f"reader {door.gate.name}": door.run for door in self._entrances}
        if self._panel is not None:
            essential["buttons"] = self._panel.run
        restarted: dict[str, Work] = {
            "clockwork": self._clockwork.run,
            "followup": self._followup.run,
            "channels": self._channels.run,
            "reconciliation": self._reconciliation.run,
            "notary": self._notary.run,
            "retention": self._caretaker.run,
            "reminders": self._reminders.run,
            "checkup": self._checkup.run,
            "afterwards": self._afterwards.run,
        }
        if self._locator is not None:
            restarted["position"] = self._locator.run
        if self._metrics is not None:
            restarted["metrics"] = self._metrics.run
        self._crew.start(essential=essential, restarted=restarted)

    def _wait(self) -> None:
        """Wait for a signal; meanwhile show the right light and feed the watchdog while the store answers."""
        asked = self._manager.watchdog_seconds
        # A quarter, not half: each look waits for the store twice, and a slow card holds it for seconds.
        period = _LOOK_SECONDS if asked is None else min(_LOOK_SECONDS, asked / 4)
        while self._house.database.dead is None and not self._crew.failed:
            self._room.look()
            self._lamps.rest(self._board.resting())
            if self._vigil.must_end():
                break
            self._manager.alive()
            received = signal.sigtimedwait(_SIGNALS, period)
            if received is not None and received.si_signo != ALARM:
                _log.info("told to stop", extra={"signal": signal.Signals(received.si_signo).name, "sender": received.si_pid})
                return
        self._crew.failed = True

    def _end(self) -> None:
        self._crew.stop.set()
        self._doorstep.enrolling.give_up()
        self._control.close()
        sleepers = (self._followup, self._clockwork, self._notary, self._checkup, self._reminders, self._afterwards)
        for sleeper in (self._delivery, *sleepers):
            sleeper.nudge()
        if self._services is not None:
            self._services.abort()
        for door in self._entrances:
            door.wake()
        if self._panel is not None:
            self._panel.wake()
        if self._locator is not None:
            self._locator.wake()
        if self._metrics is not None:
            self._metrics.close()
        hung = self._crew.join()
        self._notary.close()
        if self._services is not None:
            self._services.close()
        self._lamps.close()
        _log.info("stopped", extra={"failed": self._crew.failed, "hung": hung})

    def _service(self) -> Services:
        """Build the way to the service at the first row that is due."""
        from kiosk.services import Services  # noqa: PLC0415  the first tap must not wait for httpx and jwt

        with self._building:
            if self._services is None:
                config = self._config
                self._services = Services(
                    config.service.settings, config.own_settings, self._house.timekeeper.read, self._clockwork.note
                )
                if self._crew.stop.is_set():
                    self._services.abort()
            return self._services

    def _accepted(self) -> None:
        """The service took something: its validity may be asked for soon, and a backlog may be gone."""
        self._followup.nudge()
        self._reminders.sent()

    def _build_doorstep(self) -> Doorstep:
        config, house = self._config, self._house
        shift = config.rules.max_shift_hours
        return Doorstep(
            Enrolling(),
            Lending(
                house.database,
                house.vault,
                house.timekeeper.read,
                max_shift_hours=shift,
                minimum_trust=config.rules.minimum_trust,
            ),
            Presses(),
            self._build_intake(),
        )

    def _build_intake(self) -> Intake:
        config, house = self._config, self._house
        return Intake(
            database=house.database,
            vault=house.vault,
            book=house.book.id,
            site=slices.site(config),
            clock=house.timekeeper.read,
            offline=lambda: self._delivery.status().offline,
            queued=self._delivery.nudge,
            refusal=lambda: self._room.refusal,
            locate=(lambda _: None) if self._locator is None else self._locator.at,
        )

    def _build_entrance(self, reader: ReaderSettings) -> Entrance:
        gate = Gate(name=reader.name, driver=reader.driver.value, direction=reader.direction, declaration=reader.declaration)
        opener = partial(
            readers.open_reader,
            reader,
            self._config.eid,
            claimer(self._config.declarations, self._doorstep.presses, self._lamps.pressed),
        )
        return Entrance(gate, opener, self._doorstep.take, self._tell)

    def _build_panel(self) -> Panel | None:
        config = self._config
        if not config.buttons:
            return None
        build = partial(GpioButtons, wirings(config.buttons, config.indicator.chip))
        return Panel(config.buttons, build, self._doorstep.presses, self._lamps.pressed)

    def _tell(self, gate: Gate, sighting: Sighting, answer: Answer) -> None:
        """Show the answer, after the commit; then log it, without a word about the person."""
        self._lamps.answer(answer)
        self._answers.tell(sighting, answer)
        self._notary.nudge()
        self._checkup.nudge()
        self._afterwards.nudge()
        _log.info("tap", extra={"reader": gate.name, "signal": answer.signal.value, "ids": answer.ids, "why": answer.why})
        if answer.signal is Signal.FAILED and self._house.database.dead is not None:
            self._crew.fail()
