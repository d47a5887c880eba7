"""A small scripted HTTPS server for tests: real certificates, real sockets, one behaviour per request or connection."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

TOKEN_PATH = "/token"
REGISTER_PATH = "/api/presenceRegistrations/registerInBulk"
SEARCH_PATH = "/api/presenceRegistrations/search"
TOKEN_ANSWER = {"access_token": "invented-token-0123456789", "token_type": "Bearer", "expires_in": 3600}


class Authority:
    """An invented certificate authority with its files in a directory."""

    def __init__(self, directory: Path, name: str = "authority") -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"invented {name}")])
        self._directory = directory
        usage = x509.KeyUsage(
            digital_signature=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            key_cert_sign=True,
            crl_sign=True,
            encipher_only=False,
            decipher_only=False,
        )
        builder = self._builder(self._name, self._key.public_key(), days=(-1, 30))
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(usage, critical=True)
        self.ca_file = directory / f"{name}.pem"
        self.ca_file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def leaf(self, name: str, *, host: str = "127.0.0.1", days: tuple[int, int] = (-1, 30)) -> Path:
        """Write certificate and key of a server, valid between two days counted from now."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        alternative: x509.GeneralName = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        builder = self._builder(subject, key.public_key(), days=days)
        builder = builder.add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        certificate = builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM)
        path = self._directory / f"{name}.leaf.pem"
        path.write_bytes(certificate + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return path

    def _builder(self, subject: x509.Name, public: ec.EllipticCurvePublicKey, *, days: tuple[int, int]) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        builder = x509.CertificateBuilder(
            subject_name=subject,
            issuer_name=self._name,
            public_key=public,
            serial_number=x509.random_serial_number(),
            not_valid_before=now + timedelta(days=days[0]),
            not_valid_after=now + timedelta(days=days[1]),
        )
        # Python 3.13 verifies strictly and wants both identifiers.
        own = x509.SubjectKeyIdentifier.from_public_key(public)
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        return builder.add_extension(own, critical=False).add_extension(issuer, critical=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What came in."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Line:
    """One connection, as a behaviour sees it."""

    link: socket.socket
    stop: threading.Event
    leftover: bytearray = field(default_factory=bytearray)

    def request(self) -> Request | None:
        """Read one request, or None when the other side closed."""
        while b"\r\n\r\n" not in self.leftover:
            if not self._more():
                return None
        head, _, rest = bytes(self.leftover).partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        self.leftover[:] = rest
        while len(self.leftover) < length:
            if not self._more():
                return None
        body = bytes(self.leftover[:length])
        del self.leftover[:length]
        return Request(first.split(" ")[1], headers, body)

    def send(self, data: bytes) -> None:
        self.link.sendall(data)

    def hang(self) -> None:
        """Say nothing until the other side closes or the test ends."""
        self.link.settimeout(0.05)
        while not self.stop.is_set():
            try:
                if not self.link.recv(1024):
                    return
            except TimeoutError:
                continue

    def _more(self) -> bool:
        data = self.link.recv(65536)
        self.leftover += data
        return bool(data)


Behaviour = Callable[[Line, Request], bool | None]  # True: the connection goes on


def reply(
    status: int,
    body: object = b"",
    *,
    kind: str = "application/json",
    headers: Mapping[str, str] | None = None,
    keep: bool = False,
) -> Behaviour:
    """Answer with a status and a body; what is not bytes is written as JSON."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": kind, "Content-Length": str(len(data)), "Connection": "keep-alive" if keep else "close"}
    head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in (lines | dict(headers or {})).items())

    def behave(line: Line, _request: Request) -> bool:
        line.send(head.encode("latin-1") + b"\r\n" + data)
        return keep

    return behave


def problem(status: int, name: str, *, headers: Mapping[str, str] | None = None, **extras: object) -> Behaviour:
    """Answer with a Belgif problem."""
    body = {"type": f"urn:problem-type:belgif:{name}", "title": "Said in a test", "status": status, **extras}
    return reply(status, body, kind="application/problem+json", headers=headers)


def raw(data: bytes) -> Behaviour:
    """Send bytes as they are and close."""

    def behave(line: Line, _request: Request) -> None:
        line.send(data)

    return behave


def cut(_line: Line, _request: Request) -> None:
    """Close without an answer."""


def hang(line: Line, _request: Request) -> None:
    """Never answer."""
    line.hang()


def drip(head: bytes, every: float = 0.05) -> Behaviour:
    """Send a beginning, then one byte after the other, for ever."""

    def behave(line: Line, _request: Request) -> None:
        line.send(head)
        while not line.stop.wait(every):
            line.send(b"x")

    return behave


class ScriptedServer:
    """Serves scripted behaviours by path, over TLS, on a free port of 127.0.0.1.

    Args:
        leaf: Certificate and key, PEM.
        routes: For each path its behaviours in order; the last one stays.
        greet: What to do with each new connection before TLS: return False to drop it there.
    """

    def __init__(
        self,
        leaf: Path,
        routes: Mapping[str, Sequence[Behaviour]] | None = None,
        *,
        greet: Callable[[Line], bool] | None = None,
    ) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(leaf)
        self._routes = {TOKEN_PATH: [reply(200, TOKEN_ANSWER)]} | {path: list(rest) for path, rest in (routes or {}).items()}
        self._greet = greet
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(0.05)
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[Request] = []
        self.connections = 0
        self._start(self._accept)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def seen(self, path: str) -> list[Request]:
        """Return the requests that came to a path."""
        return [request for request in self.requests if request.path == path]

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            with suppress(TimeoutError):
                link, _ = self._listener.accept()
                self.connections += 1
                self._start(self._serve, link)

    def _serve(self, link: socket.socket) -> None:
        link.settimeout(5)
        with link, suppress(OSError):
            if self._greet is not None and not self._greet(Line(link, self._stop)):
                return
            with self._context.wrap_socket(link, server_side=True) as secured:
                line = Line(secured, self._stop)
                while (request := line.request()) is not None:
                    self.requests.append(request)
                    script = self._routes[request.path]
                    behave = script.pop(0) if len(script) > 1 else script[0]
                    if not behave(line, request):
                        return
