"""The way to the service's hosts: their names, the connection, and with whose certificate TLS comes about."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from cryptography import x509
from cryptography.x509.oid import NameOID

from kiosk.check import Finding
from kiosk.contract import ServiceSettings
from kiosk.doctor.grading import advice, fine, red

_HTTPS: Final = 443
#: Where Debian's update-ca-certificates takes authorities from that an admin adds, mostly those of a firewall.
_ADDED: Final = Path("/usr/local/share/ca-certificates")
_CLOCK_WORDS: Final = ("expired", "not yet valid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One host that is called, and what for."""

    purpose: str
    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerCertificate:
    """Whose certificate a server shows, who issued it, and until when."""

    subject: str
    issuer: str
    ends: datetime


def targets(settings: ServiceSettings) -> list[Target]:
    """The hosts of API and token, once where they are one and the same."""
    found: dict[tuple[str, int], str] = {}
    for purpose, url in (("API", settings.api_url), ("token", settings.token_url)):
        parts = urlsplit(url)
        place = (parts.hostname or "", parts.port or _HTTPS)
        found[place] = f"{found[place]} and {purpose}" if place in found else purpose
    return [Target(purpose=purpose, host=host, port=port) for (host, port), purpose in found.items()]


def goes_by_proxy(host: str) -> bool:
    """Whether calls to a host go through a proxy by this environment: then the proxy looks its name up and connects."""
    proxies = getproxies()
    return ("https" in proxies or "all" in proxies) and not proxy_bypass(host)


def way(target: Target, *, ca_file: Path | None, seconds: float, now: datetime) -> Iterator[Finding]:
    """Look a host's name up, connect, and shake hands; nothing is asked of the service.

    Args:
        target: The host.
        ca_file: Certificates to trust, PEM, or None for the system's trust store.
        seconds: For each step; looking a name up has only the system's own patience.
        now: Aware, UTC.
    """
    if goes_by_proxy(target.host):
        yield fine(f"way to the {target.purpose}", f"{target.host} is reached through the proxy: the calls below tell")
        return
    named = lookup(target)
    yield named
    if named.repair is None:
        yield handshake(target, ca_file=ca_file, seconds=seconds, now=now)


def lookup(target: Target, resolve: Callable[..., list[Any]] = socket.getaddrinfo) -> Finding:
    """Look the name of a host up."""
    subject = f"name of the {target.purpose}"
    try:
        found = resolve(target.host, target.port, type=socket.SOCK_STREAM)
    except OSError as error:
        told = f"{target.host} is not found: {error.strerror}"
        return red(subject, told, f"is there a network (ip route), and a name server (resolvectl query {target.host})?")
    addresses = sorted({str(each[4][0]) for each in found})
    return fine(subject, f"{target.host}: {', '.join(addresses)}")


def handshake(target: Target, *, ca_file: Path | None, seconds: float, now: datetime, local: Path = _ADDED) -> Finding:
    """Connect with TLS and say with whose certificate; arguments as for ``way``, and the folder of added authorities."""
    subject = f"TLS of the {target.purpose}"
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError:
        return red(subject, f"{ca_file} holds no certificates to trust", "correct ca_file in [service], or leave it out")
    try:
        shown = _shown(target, context, seconds)
    except ssl.SSLCertVerificationError as error:
        return _not_trusted(target, error, ca_file=ca_file, seconds=seconds)
    except ssl.SSLError as error:
        told = f"{target.host}:{target.port} speaks no TLS that is known here: {error.reason or 'no handshake'}"
        return red(subject, told, "is the address right, and does a login page of the network stand in between?")
    except OSError as error:
        told = f"no connection to {target.host}:{target.port}: {error.strerror or 'no answer in time'}"
        return red(subject, told, f"let the firewall of the site pass TCP {target.port} to {target.host}, or set https_proxy")
    told = f"certificate of {shown.subject}, issued by {shown.issuer}, {(shown.ends - now).days} days left"
    if ca_file is None and _trusted_locally(target, local, seconds):
        repair = "if that is your own network's, it reads names and tokens of people: have this host let through unopened"
        return advice(
            subject, f"{told}; trusted only since its authority was added to this machine: TLS is opened on the way", repair
        )
    return fine(subject, told)


def _trusted_locally(target: Target, local: Path, seconds: float) -> bool:
    """Whether the authorities that an admin added to this machine vouch for the certificate by themselves."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    added = sorted(local.rglob("*.crt"))
    for file in added:
        with suppress(OSError):
            context.load_verify_locations(cafile=file)
    try:
        return bool(added) and _shown(target, context, seconds) is not None
    except OSError:
        return False


def _not_trusted(target: Target, error: ssl.SSLCertVerificationError, *, ca_file: Path | None, seconds: float) -> Finding:
    shown = None
    # Nothing is sent over this connection: it only shows whose certificate was refused.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with suppress(OSError, ValueError):
        shown = _shown(target, context, seconds)
    whose = f"of {shown.subject}, issued by {shown.issuer}" if shown else "that is not seen twice"
    told = f"the certificate {whose} is not trusted: {error.verify_message}"
    if any(words in error.verify_message for words in _CLOCK_WORDS):
        return red(f"TLS of the {target.purpose}", told, "is the clock of this box right (see clock)? Else the server's is over")
    trusted = "ca_file in [service]" if ca_file else "the system's trust store"
    repair = (
        "if the issuer is your own network's, TLS is opened on the way: have this host let through unopened, "
        f"or trust that issuer on purpose; if it is the service's, it is missing in {trusted}"
    )
    return red(f"TLS of the {target.purpose}", told, repair)


def _shown(target: Target, context: ssl.SSLContext, seconds: float) -> ServerCertificate:
    with (
        socket.create_connection((target.host, target.port), timeout=seconds) as link,
        context.wrap_socket(link, server_hostname=target.host) as secured,
    ):
        found = x509.load_der_x509_certificate(secured.getpeercert(binary_form=True) or b"")
    return ServerCertificate(subject=_name(found.subject), issuer=_name(found.issuer), ends=found.not_valid_after_utc)


def _name(name: x509.Name) -> str:
    kinds = (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME)
    words = [str(each.value) for kind in kinds for each in name.get_attributes_for_oid(kind)]
    # It comes from whoever answered: nothing in it may move a terminal's cursor.
    return "".join(each for each in ", ".join(words)[:120] if each.isprintable()) or "nobody"
