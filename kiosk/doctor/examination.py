"""All looks together, next to each other and within one deadline: a dead network must not take minutes."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from threading import Thread
from typing import Final

from kiosk import control
from kiosk.check import Finding, Grade, check
from kiosk.contract import ServiceSettings
from kiosk.doctor import box, clock, disk, network, service, waiting
from kiosk.doctor.grading import red
from kiosk.errors import KioskError
from kiosk.exchange import Exchange
from kiosk.model import Environment
from kiosk.services import Services
from kiosk.settings import Config, Driver
from kiosk.timekeeper import Timekeeper

#: For everything that is asked of somebody else.
DEADLINE_SECONDS: Final = 40.0
#: For one call: the configured time may be long, and somebody sits and waits here.
_CALL_SECONDS: Final = 10.0

Look = Callable[[], Iterable[Finding]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What was found: by ``check``, and by all that goes beyond it."""

    checked: list[Finding] = field(default_factory=list)
    looked: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> list[Finding]:
        """Everything, in the order in which one thing rests on the other."""
        return [*self.checked, *self.looked]

    @property
    def code(self) -> int:
        """The exit code: 2 what ``check`` calls wrong, 1 anything else that is red, 0 nothing."""
        if _wrong(self.checked):
            return 2
        return 1 if _wrong(self.looked) else 0


def examine(config: Config, environ: Mapping[str, str], *, seconds: float = DEADLINE_SECONDS) -> Diagnosis:
    """Look at everything; takes at most some seconds more than ``seconds``.

    Args:
        config: Loaded with its secrets.
        environ: Of this process.
        seconds: For all that needs somebody else's answer.
    """
    now = datetime.now(UTC)
    # First and alone: it may take the place of the store's owner, which counts for every thread.
    checked = check(config, now)
    settings = replace(config.service.settings, timeout_seconds=min(config.service.timeout_seconds, _CALL_SECONDS))
    exchange = Exchange(ca_file=settings.ca_file, timeout_seconds=settings.timeout_seconds)
    services = _services(config)
    try:
        looks: dict[str, Look] = {
            "box": partial(_box, config, environ),
            "daemon": partial(box.daemon, partial(control.ask, config.control.socket), version("ciao-kiosk")),
            **{
                f"way to the {target.purpose}": partial(
                    network.way, target, ca_file=settings.ca_file, seconds=settings.timeout_seconds, now=now
                )
                for target in network.targets(settings)
            },
            "health": partial(service.health, settings, exchange, lambda: datetime.now(UTC)),
            "token": partial(service.credentials, config, services),
        }
        return Diagnosis(checked=checked, looked=within(looks, seconds))
    finally:
        exchange.close()
        services.close()


def within(looks: Mapping[str, Look], seconds: float) -> list[Finding]:
    """Take all looks at the same time; what is not done in time is red, with what it found so far before it."""
    found: dict[str, list[Finding]] = {name: [] for name in looks}
    # Daemons, since a name server that hangs can't be woken and must not keep the verb from ending.
    threads = {name: Thread(target=_take, args=(name, look, found[name]), daemon=True) for name, look in looks.items()}
    for thread in threads.values():
        thread.start()
    end = time.monotonic() + seconds
    told: list[Finding] = []
    for name, thread in threads.items():
        thread.join(max(0.0, end - time.monotonic()))
        late = thread.is_alive()
        told += found[name]
        if late:
            told.append(red(name, f"no answer within {seconds:g} seconds", "see the lines before; try again when they are well"))
    return told


def _take(name: str, look: Look, found: list[Finding]) -> None:
    try:
        for finding in look():
            found.append(finding)  # noqa: PERF402  one by one: what is found before a hang counts
    except KioskError as error:
        found.append(red(name, error.message, error.repair or "see `kiosk check`"))
    # Of an exception that nobody thought of only its kind: its text may hold anything.
    except Exception as error:  # noqa: BLE001
        found.append(
            red(name, f"this look failed ({type(error).__name__})", "give the bundle to your support: kiosk doctor --bundle")
        )


def _box(config: Config, environ: Mapping[str, str]) -> Iterator[Finding]:
    serious = config.service.environment is Environment.PRODUCTION
    kernel = Timekeeper(source="kernel", max_error_seconds=config.clock.max_error_seconds).read()
    yield clock.clock(config.clock.source, kernel, clock.time_services())
    yield clock.battery(kernel, serious=serious)
    yield from disk.disk(config.store.path.parent, time.monotonic, serious=serious)
    yield from waiting.kept_files(config.store.path)
    yield box.position(config.site)
    yield box.zones(config.site)
    if any(reader.driver in (Driver.PCSC, Driver.EID) for reader in config.readers):
        yield box.polkit(_owner(config.store.path))
    yield box.proxy(environ)


def _owner(store: Path) -> int:
    """Who runs kiosk: the store's owner, or that of its folder, or whoever asks."""
    for place in (store, store.parent):
        if place.exists():
            return place.stat().st_uid
    return os.geteuid()


def _services(config: Config) -> Services:
    def hurried(settings: ServiceSettings) -> ServiceSettings:
        return replace(settings, timeout_seconds=min(settings.timeout_seconds, _CALL_SECONDS))

    # The configured source: an assertion is signed under a clock that somebody vouches for, here as in the daemon.
    timekeeper = Timekeeper(source=config.clock.source.value, max_error_seconds=config.clock.max_error_seconds)
    own = {employer: hurried(settings) for employer, settings in config.own_settings.items()}
    return Services(hurried(config.service.settings), own, timekeeper.read)


def _wrong(findings: Iterable[Finding]) -> bool:
    return any(finding.grade is Grade.WRONG for finding in findings)
