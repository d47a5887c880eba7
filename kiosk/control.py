"""The running daemon's Unix socket: one JSON line asks, one JSON line answers. Verbs and screen come this way.

The socket is 0600 and the caller's uid is checked by the kernel's word (SO_PEERCRED): only the daemon's own user
and root are served. Every path works, also one beyond the 108 bytes of ``sun_path``: both sides reach it through
an open directory.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import struct
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import BoundedSemaphore, Event, Thread
from typing import Any, Final

from kiosk.errors import Declined, KioskError, NoDaemon, UsageError

_log = logging.getLogger(__name__)

Call = Callable[[Mapping[str, object]], Mapping[str, object]]

#: An import of some 50,000 badges; more than that in one line is no verb of ours.
_LONGEST_LINE: Final = 32 * 1024 * 1024
_PATIENCE_SECONDS: Final = 30.0
_AT_ONCE: Final = 16
#: How an error travels, by class: what the other side raises, and so with which code its verb exits.
_KINDS: Final[Mapping[str, type[KioskError]]] = {"usage": UsageError, "declined": Declined, "failed": KioskError}


class ControlServer:
    """Serves the calls it was given, each connection in a thread of its own, at most sixteen at once."""

    def __init__(self, path: Path, calls: Mapping[str, Call]) -> None:
        """Bind the socket; what a dead daemon left there is replaced (the store's lock tells that it is dead).

        Raises:
            UsageError: The socket can't be made there.
        """
        self._path = path
        self._calls = calls
        self._places = BoundedSemaphore(_AT_ONCE)
        self._socket = _bind(path)

    def run(self, stop: Event) -> None:
        """Serve until ``stop`` is set and ``close`` was called."""
        while not stop.is_set():
            try:
                connection, _ = self._socket.accept()
            except OSError:
                if stop.is_set():
                    return
                raise
            if not self._places.acquire(timeout=_PATIENCE_SECONDS):
                connection.close()
                continue
            Thread(target=self._serve, args=(connection,), name="control-call", daemon=True).start()

    def close(self) -> None:
        """Wake ``run`` and remove the socket; may be called twice."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._path.unlink(missing_ok=True)

    def _serve(self, connection: socket.socket) -> None:
        try:
            with connection:
                connection.settimeout(_PATIENCE_SECONDS)
                if _peer_uid(connection) in (0, os.geteuid()):
                    self._answer(connection)
        except OSError:
            _log.debug("a verb went away before its answer")
        finally:
            self._places.release()

    def _answer(self, connection: socket.socket) -> None:
        request = _read_line(connection)
        if request is None:
            return
        connection.sendall(json.dumps(self._reply(request)).encode() + b"\n")

    def _reply(self, request: bytes) -> dict[str, object]:
        try:
            call, params = self._understood(request)
            return {"result": call(params)}
        except KioskError as error:
            kind = next((kind for kind, cls in _KINDS.items() if isinstance(error, cls)), "failed")
            return {"error": {"kind": kind, "message": error.message, "repair": error.repair}}
        except Exception as error:  # noqa: BLE001  one broken call must not end the daemon
            # The text of a foreign exception may carry a personal datum: only its kind leaves (see kiosk.logs).
            _log.exception("a call failed")
            return {
                "error": {"kind": "failed", "message": f"the call failed in the daemon ({type(error).__name__})", "repair": None}
            }

    def _understood(self, request: bytes) -> tuple[Call, Mapping[str, object]]:
        try:
            asked = json.loads(request)
            name, params = asked["call"], asked["params"]
        except (ValueError, KeyError, TypeError):
            raise UsageError("the control socket takes one JSON object a line: call, params") from None
        if name not in self._calls or not isinstance(params, dict):
            raise UsageError("this daemon does not know that call", repair="use the verbs of the installed version")
        return self._calls[name], params


def ask(path: Path, call: str, params: Mapping[str, object], *, timeout: float = 60.0) -> dict[str, Any]:
    """Ask the running daemon.

    Args:
        path: The control socket.
        call: The verb's words, for instance ``badge list``.
        params: JSON values.
        timeout: Seconds to wait for the answer.

    Raises:
        NoDaemon: Nobody answers there.
        KioskError: Whatever the call raised in the daemon, as the same kind of error.
    """
    try:
        with _at(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(address)
            connection.sendall(json.dumps({"call": call, "params": params}).encode() + b"\n")
            line = _read_line(connection)
    except PermissionError:
        raise UsageError(
            f"{path}: this user may not speak to the daemon", repair="run the verb as the daemon's user or with sudo"
        ) from None
    except OSError as error:
        raise NoDaemon(f"{path}: no daemon answers ({error.strerror or 'time is up'})", repair="start it: `kiosk run`") from None
    if line is None:
        raise NoDaemon(f"{path}: the daemon closed the connection", repair="run the verb as the daemon's user or root; see its log")
    reply = json.loads(line)
    if "error" in reply:
        told = reply["error"]
        raise _KINDS.get(told["kind"], KioskError)(told["message"], repair=told["repair"])
    result: dict[str, Any] = reply["result"]
    return result


def _bind(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        mask = os.umask(0o177)
        try:
            with _at(path) as address:
                server.bind(address)
        finally:
            os.umask(mask)
        server.listen(_AT_ONCE)
    except OSError as error:
        server.close()
        raise UsageError(
            f"[control] socket: {path}: {error.strerror}", repair="name a folder that the daemon's user may write"
        ) from None
    return server


@contextlib.contextmanager
def _at(path: Path) -> Iterator[str]:
    """An address for ``path`` that is always short: through the open directory."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def _peer_uid(connection: socket.socket) -> int:
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return int(uid)


def _read_line(connection: socket.socket) -> bytes | None:
    """One line, or None if the other side closed before its end or sent more than any verb would."""
    received = bytearray()
    while not received.endswith(b"\n"):
        piece = connection.recv(65536)
        received += piece
        if not piece or len(received) > _LONGEST_LINE:
            return None
    return bytes(received)
