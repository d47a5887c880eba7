"""The service as all of this box's employers see it: each call goes out under the credential of its employer.

An employer may have its own client id and key (``[[credential]]``); everybody else's calls go out under ``[service]``. A
credential that can't be used stops its own employer only. Clients are built at their first call and built again when their
key file was replaced, so that a repaired or rotated key is used without a restart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final, TypeVar

from kiosk.client import Client
from kiosk.contract import ServiceSettings
from kiosk.errors import UsageError
from kiosk.exchange import Noted, unnoted
from kiosk.identifiers import Employer
from kiosk.model import ClockReading, Coordinates, Registration
from kiosk.verdicts import (
    AddressesVerdict,
    CallVerdict,
    CancelVerdict,
    ConsultVerdict,
    Found,
    Health,
    HealthVerdict,
    Misconfigured,
    NotSent,
    Query,
    SearchFailed,
    SearchUnavailable,
    SearchVerdict,
    ServedRegistration,
)

_T = TypeVar("_T")
_V = TypeVar("_V", bound=CallVerdict | CancelVerdict)

#: A key file as it was when its client was built: modification time in nanoseconds, inode and size.
_Stamp = tuple[int, int, int]
_GONE: Final[_Stamp] = (0, 0, 0)


class Services:
    """Routes every call to the client of its employer; safe from several threads.

    Args:
        default: The ``[service]`` section's credential.
        own: The credential of each employer that has its own.
        clock: Reads all clocks.
        noted: Told the time of every answer.
    """

    def __init__(
        self,
        default: ServiceSettings,
        own: Mapping[Employer, ServiceSettings],
        clock: Callable[[], ClockReading],
        noted: Noted = unnoted,
    ) -> None:
        self._default = default
        self._own = own
        self._clock = clock
        self._noted = noted
        self._lock = Lock()
        self._clients: dict[Employer | None, tuple[Client, _Stamp]] = {}
        self._faults: dict[Employer | None, str] = {}
        self._stopped = False

    def register(self, registrations: Sequence[Registration]) -> CallVerdict:
        """Send registrations of one employer and one declaration, at most 200, and judge the answer item by item."""
        employer = registrations[0].employer
        client = self._client(employer)
        return self._judged(employer, client.register(registrations) if isinstance(client, Client) else client)

    def search(self, query: Query) -> SearchVerdict:
        """Look up what the service holds, all pages; without an employer, what any credential shows.

        Absence may be concluded only from ``Found``, so one credential's failure is the whole search's.
        """
        if query.employer is not None:
            return self._ask(query.employer, lambda client: client.search(query))
        found: dict[int, ServedRegistration] = {}
        for employer in (None, *self._own):
            verdict = self._ask(employer, lambda client: client.search(query))
            if not isinstance(verdict, Found):
                return verdict
            found.update((each.registration_id, each) for each in verdict.registrations)
        return Found(registrations=tuple(found.values()))

    def consult(self, registration_id: int, *, employer: Employer | None) -> ConsultVerdict:
        """Look at one registration with its history, under the credential of this employer or the default one."""
        return self._ask(employer, lambda client: client.consult(registration_id))

    def cancel(self, ids: Sequence[int], *, employer: Employer) -> CancelVerdict:
        """Cancel registrations of one employer by the service's ids, at most 200, and judge the answer item by item."""
        client = self._client(employer)
        return self._judged(employer, client.cancel(ids) if isinstance(client, Client) else client)

    def addresses(self, place: Coordinates) -> AddressesVerdict:
        """Ask which addresses belong to coordinates."""
        return self._ask(None, lambda client: client.addresses(place))

    def health(self) -> HealthVerdict:
        """Ask how the service is."""
        return self._ask(None, lambda client: client.health())

    def token(self, employer: Employer | None = None) -> NotSent | Misconfigured | None:
        """Get a token under this employer's credential, or say why there is none."""
        client = self._client(employer)
        return client.token() if isinstance(client, Client) else client

    def abort(self) -> None:
        """End every call under way at once and refuse new ones; safe from any thread."""
        with self._lock:
            self._stopped = True
            clients = [client for client, _ in self._clients.values()]
        for client in clients:
            client.abort()

    def close(self) -> None:
        """Abort, and let the connections go; may be called twice."""
        self.abort()
        with self._lock:
            clients = [client for client, _ in self._clients.values()]
            self._clients.clear()
        for client in clients:
            client.close()

    @property
    def faults(self) -> Mapping[Employer | None, str]:
        """What kept a credential from being used at its last call, by its employer; None: everybody else's."""
        return dict(self._faults)

    def _judged(self, employer: Employer, verdict: _V) -> _V | Misconfigured:
        """Note what is wrong with a credential; where there are several, it keeps only its own employers waiting."""
        whose = self._whose(employer)
        if isinstance(verdict, Misconfigured) and verdict.credential:
            self._faults[whose] = verdict.why
            return replace(verdict, employer_only=len(self._own) > 0)
        if not isinstance(verdict, Misconfigured | NotSent):
            self._faults.pop(whose, None)
        return verdict

    def _whose(self, employer: Employer | None) -> Employer | None:
        return employer if employer in self._own else None

    def _ask(self, employer: Employer | None, question: Callable[[Client], _T]) -> _T | SearchFailed:
        client = self._client(employer)
        failed = isinstance(client, Misconfigured)
        answer = question(client) if isinstance(client, Client) else SearchFailed(why=client.why, credential=failed)
        if isinstance(answer, SearchFailed) and answer.credential:
            self._faults[self._whose(employer)] = answer.why
        # Health is asked without a token, and a 403 may well be this client's: neither says that the credential works.
        elif not isinstance(answer, SearchFailed | SearchUnavailable | Health):
            self._faults.pop(self._whose(employer), None)
        return answer

    def _client(self, employer: Employer | None) -> Client | Misconfigured | NotSent:
        whose = self._whose(employer)
        settings = self._default if whose is None else self._own[whose]
        with self._lock:
            if self._stopped:
                return NotSent(why="the box is stopping")
            stamp = _stamp(settings.private_key)
            known = self._clients.get(whose)
            if known is not None and known[1] == stamp:
                return known[0]
            try:
                client = Client(settings, self._clock, self._noted)
            except UsageError as error:
                # A key that was half written over: the one in memory still signs, and is better than none.
                return Misconfigured(why=error.message, credential=True) if known is None else known[0]
            self._clients[whose] = (client, stamp)
        if known is not None:
            known[0].close()
        return client


def _stamp(path: Path) -> _Stamp:
    try:
        found = path.stat()
    except OSError:
        return _GONE
    return found.st_mtime_ns, found.st_ino, found.st_size
