"""The running daemon's Unix socket: one JSON line asks, one JSON line answers. Verbs and screen come this way.

The socket is 0600 and the caller's uid is checked by the kernel's word (SO_PEERCRED): only the daemon's own user
and root are served. Every path works, also one beyond the 108 bytes of ``sun_path``: both sides reach it through
an open descriptor.
"""

from __future__ import annotations

import contextlib
import errno
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
#: Verbs that wait for a place; beyond it the kernel turns them away at once, as if no daemon were there.
_IN_LINE: Final = 128
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
        with contextlib.suppress(OSError):  # on a disk that turned read-only the file stays; the next start replaces it
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
        connection.sendall(self._reply(request).encode() + b"\n")

    def _reply(self, request: bytes) -> str:
        try:
            call, params = self._understood(request)
            return json.dumps({"result": call(params)})
        except KioskError as error:
            kind = next((kind for kind, cls in _KINDS.items() if isinstance(error, cls)), "failed")
            return _failure(kind, error.message, error.repair)
        except Exception as error:  # noqa: BLE001  one broken call must not end the daemon
            # The text of a foreign exception may carry a personal datum: only its kind leaves (see kiosk.logs).
            _log.exception("a call failed")
            return _failure("failed", f"the call failed in the daemon ({type(error).__name__})", None)

    def _understood(self, request: bytes) -> tuple[Call, Mapping[str, object]]:
        try:
            asked = json.loads(request)
            name, params = asked["call"], asked["params"]
        except (ValueError, KeyError, TypeError):
            raise UsageError("the control socket takes one JSON object a line: call, params") from None
        if not (isinstance(name, str) and name in self._calls and isinstance(params, dict)):
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
        with _short(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(timeout)
            connection.connect(address)
            connection.sendall(json.dumps({"call": call, "params": params}).encode() + b"\n")
            line = _read_line(connection)
    except PermissionError:
        raise UsageError(
            f"{path}: this user may not speak to the daemon", repair="run the verb as the daemon's user or with sudo"
        ) from None
    except (BrokenPipeError, ConnectionResetError):
        line = None
    except OSError as error:
        raise NoDaemon(f"{path}: no daemon answers ({error.strerror or 'time is up'})", repair="start it: `kiosk run`") from None
    if line is None:
        raise NoDaemon(f"{path}: the daemon closed the connection", repair="run the verb as the daemon's user or root; see its log")
    return _result(path, line)


def _result(path: Path, line: bytes) -> dict[str, Any]:
    try:
        reply = json.loads(line)
        told = reply.get("error")
        result: dict[str, Any] = {} if told else reply["result"]
        error = _KINDS.get(told["kind"], KioskError)(told["message"], repair=told["repair"]) if told else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise NoDaemon(f"{path}: another program answers there", repair="name another [control] socket") from None
    if error is not None:
        raise error
    return result


def _failure(kind: str, message: str, repair: str | None) -> str:
    return json.dumps({"error": {"kind": kind, "message": message, "repair": repair}})


def _bind(path: Path) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        if path.exists() and not path.is_socket():
            raise FileExistsError(errno.EEXIST, "something else lies there")
        with _short(path.parent) as folder:
            made = f"{folder}/.control-{os.getpid()}"
            server.bind(made)
            server.listen(_IN_LINE)
            # Only a socket that answers takes the place of the old one.
            Path(made).rename(f"{folder}/{path.name}")
    except OSError as error:
        server.close()
        raise UsageError(
            f"[control] socket: {path}: {error.strerror}", repair="name a new file in a folder that the daemon's user may write"
        ) from None
    finally:
        os.umask(mask)
    return server


@contextlib.contextmanager
def _short(path: Path) -> Iterator[str]:
    """A short name for a path of any length: that of a descriptor by which it is open."""
    opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{opened}"
    finally:
        os.close(opened)


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
