"""The configuration as values: one frozen slice per section, so that a room receives only its own (design, section 6).

Units stand in the names. ``kiosk.toml`` beside this file explains every key with its range and default; a test
keeps the two equal. ``kiosk.config`` reads them.
"""
# No postponed annotations here: cattrs would resolve them without the rules in ``Annotated``.

from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final
from urllib.parse import urlsplit

from hardware.formats import Format
from hardware.nfc_paths import over_network
from kiosk.config_checks import Listen, LocalListen, Number, Parsed, service_url, web_address
from kiosk.contract import MAX_BATCH, PAGE_SIZE, PRODUCTION_HOST, SELF_EMPLOYED_CARRIES, TOKEN_URL, Paths, ServiceSettings
from kiosk.device_settings import Button, Declared, Eid, Indicator
from kiosk.geography import Fence
from kiosk.identifiers import Employer, EnterpriseNumber, ForeignVatNumber
from kiosk.model import Carried, Coordinates, Environment, ReaderDirection, Trust
from kiosk.retention_settings import Retention
from kiosk.rules import DeclarationTerm, Limits
from kiosk.site_settings import FURTHEST_METERS, Position, Site

_YEAR: Final = 366
Seconds = Annotated[float, Number(0, _YEAR * 86_400)]
SecondsFromOne = Annotated[float, Number(1, _YEAR * 86_400)]
Minutes = Annotated[float, Number(0, _YEAR * 1_440)]
Hours = Annotated[float, Number(0, _YEAR * 24)]
Enterprise = Annotated[EnterpriseNumber, Parsed(EnterpriseNumber)]
ForeignVat = Annotated[ForeignVatNumber, Parsed(ForeignVatNumber)]
ServiceUrl = Annotated[str, service_url]


class Driver(StrEnum):
    """What talks to a reader."""

    PCSC = "pcsc"
    EID = "eid"
    CONTACTLESS = "contactless"
    KEYBOARD = "keyboard"
    SIMULATED = "simulated"


class ClockSource(StrEnum):
    """Who vouches for the system clock: the kernel's synchronisation state, or the admin."""

    KERNEL = "kernel"
    ASSUME = "assume"


class LatePolicy(StrEnum):
    """What becomes of a registration older than ``late_after_minutes`` at its first send."""

    SEND = "send"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesEmployer:
    """A section that may name an employer, by one of two numbers."""

    enterprise_number: Enterprise | None = None
    foreign_vat_number: ForeignVat | None = None

    @property
    def employer(self) -> Employer | None:
        """The employer, or None where none is named."""
        return self.enterprise_number or self.foreign_vat_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration(NamesEmployer):
    """A declaration of works: valid from and until local dates, both inclusive; None is open-ended.

    Where the box travels it has a place of its own, WGS 84, and the fence round that.
    """

    number: Declared
    name: str | None = None
    url: Annotated[str, web_address] | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    latitude: Annotated[float, Number(-90, 90)] | None = None
    longitude: Annotated[float, Number(-180, 180)] | None = None
    fence_meters: Annotated[float, Number(10, FURTHEST_METERS)] = 200

    @property
    def fence(self) -> Fence | None:
        """The circle round its own place, or None where it is at the site."""
        if self.latitude is None or self.longitude is None:
            return None
        return Fence(Coordinates(self.latitude, self.longitude), self.fence_meters)

    @property
    def term(self) -> DeclarationTerm:
        """What the rules need of it."""
        return DeclarationTerm(
            number=self.number,
            employer=self.employer,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            fence=self.fence,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceLimits:
    """What the service takes in one call, and gives in one page of a search."""

    batch: Annotated[int, Number(1, MAX_BATCH, whole=True)] = MAX_BATCH
    page_size: Annotated[int, Number(1, 500, whole=True)] = PAGE_SIZE


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """How the service is reached, and how patiently."""

    api_url: ServiceUrl
    token_url: ServiceUrl = TOKEN_URL
    client_id: str
    private_key: Path
    certificate: Path | None = None
    ca_file: Path | None = None
    batch_size: Annotated[int, Number(1, MAX_BATCH, whole=True)] = 100
    # Not from 0 like the other durations: with no time at all nothing could ever be sent.
    timeout_seconds: Annotated[float, Number(0.1, _YEAR * 86_400)] = 15
    settle_seconds: SecondsFromOne = 60
    order_wait_minutes: Minutes = 10
    backoff_cap_seconds: Seconds = 300
    connect_cap_seconds: Seconds = 30
    start_jitter_seconds: Seconds = 30
    probe_seconds: Seconds = 30
    follow_up_seconds: SecondsFromOne = 30
    channels_seconds: Seconds = 300
    self_employed_employer: Carried = SELF_EMPLOYED_CARRIES
    paths: Paths = field(default_factory=Paths)
    limits: ServiceLimits = field(default_factory=ServiceLimits)

    @property
    def items_in_a_call(self) -> int:
        """Registrations sent or cancelled in one call: what was asked for, where the service takes so many."""
        return min(self.batch_size, self.limits.batch)

    @property
    def service_host(self) -> str:
        """The host of ``api_url``, lower case, without port: to one such host a store belongs."""
        # A closing dot names the same host in DNS; without this it would pass for training.
        return (urlsplit(self.api_url).hostname or "").rstrip(".")

    @property
    def environment(self) -> Environment:
        """Production against the production host, training against every other."""
        return Environment.PRODUCTION if self.service_host == PRODUCTION_HOST else Environment.TRAINING

    @property
    def settings(self) -> ServiceSettings:
        """What the calls need."""
        return ServiceSettings(
            api_url=self.api_url,
            token_url=self.token_url,
            client_id=self.client_id,
            private_key=self.private_key,
            ca_file=self.ca_file,
            timeout_seconds=self.timeout_seconds,
            page_size=self.limits.page_size,
            paths=self.paths,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(NamesEmployer):
    """An employer's own client id and key, for calls that carry this employer; the addresses are those of ``[service]``."""

    client_id: str
    private_key: Path
    certificate: Path | None = None

    def settings(self, service: Service) -> ServiceSettings:
        """What the calls for this employer need."""
        return replace(service.settings, client_id=self.client_id, private_key=self.private_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    """The database file, the 32 raw bytes that seal it, and how large it may grow, MiB."""

    path: Path
    key_file: Path
    max_megabytes: Annotated[int, Number(16, 65_536, whole=True)] = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Control:
    """The running daemon's Unix socket."""

    socket: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """How far the system clock is believed, and whether the admin vouches for a battery-backed one."""

    source: ClockSource = ClockSource.KERNEL
    max_error_seconds: Seconds = 60
    rtc: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The figures behind the direction of a tap (design, section 7)."""

    debounce_seconds: SecondsFromOne = 60
    minimum_stay_minutes: Minutes = 5
    ask_after_hours: Hours = 10
    max_shift_hours: Hours = 14
    late_policy: LatePolicy = LatePolicy.SEND
    late_after_minutes: Minutes = 10
    escalate_after_minutes: Minutes = 60
    link_window_hours: Hours = 24
    minimum_trust: Trust = Trust.UID

    @property
    def limits(self) -> Limits:
        """The times that decide a direction."""
        return Limits(
            debounce_seconds=self.debounce_seconds,
            minimum_stay_minutes=self.minimum_stay_minutes,
            ask_after_hours=self.ask_after_hours,
            max_shift_hours=self.max_shift_hours,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One card reader; with ``declaration`` it stands for that one alone, ``format`` is how a keyboard reader writes."""

    name: str
    driver: Driver
    match: str | None = None
    format: Format = Format.HEX
    direction: ReaderDirection = ReaderDirection.TOGGLE
    declaration: Declared | None = None

    @property
    def pretends(self) -> bool:
        """Whether its cards are played by a program, on this box or over the network: in training only."""
        return self.driver is Driver.SIMULATED or (self.driver is Driver.CONTACTLESS and over_network(self.match))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """The Ed25519 key that signs the chain of evidence; without it the chain is unsigned, and status says so."""

    key_file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Where the site display listens."""

    listen: Annotated[Listen, Parsed(Listen)] = field(default_factory=lambda: Listen("127.0.0.1", 8080))


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Where metrics can be asked for, on this machine only; None: nowhere."""

    listen: Annotated[Listen, Parsed(LocalListen)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The whole, for the one who hands out the slices.

    Attributes:
        path: The file it came from, absolute.
        employer: The default employer; None where every declaration names its own.
        credentials: Each of another employer.
    """

    path: Path
    site: Site
    employer: Employer | None
    declarations: tuple[Declaration, ...]
    service: Service
    credentials: tuple[Credential, ...] = ()
    store: Store
    control: Control
    clock: Clock = field(default_factory=Clock)
    rules: Rules = field(default_factory=Rules)
    readers: tuple[Reader, ...]
    position: Position = field(default_factory=Position)
    evidence: Evidence = field(default_factory=Evidence)
    retention: Retention = field(default_factory=Retention)
    screen: Screen = field(default_factory=Screen)
    metrics: Metrics = field(default_factory=Metrics)
    indicator: Indicator = field(default_factory=Indicator)
    eid: Eid = field(default_factory=Eid)
    buttons: tuple[Button, ...] = ()

    @property
    def fences(self) -> tuple[Fence, ...]:
        """Every circle in which the box may stand; none: it may stand anywhere."""
        return tuple(fence for fence in (self.site.fence, *(each.fence for each in self.declarations)) if fence is not None)

    @property
    def own_settings(self) -> dict[Employer, ServiceSettings]:
        """What the calls need for each employer that has its own credential."""
        named = ((credential.employer, credential) for credential in self.credentials)
        return {employer: credential.settings(self.service) for employer, credential in named if employer is not None}

    @property
    def certificates(self) -> dict[Employer | None, Path | None]:
        """Each credential's certificate, by its employer; None: everybody else's."""
        return {None: self.service.certificate, **{credential.employer: credential.certificate for credential in self.credentials}}
