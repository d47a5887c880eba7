"""The box itself: its place, the permission to use its reader, the way out to the network, and the daemon that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from hardware.pcsc_codes import POLKIT_REPAIR
from kiosk.check import Finding
from kiosk.contact import ServiceState
from kiosk.doctor import waiting
from kiosk.doctor.grading import advice, fine, red
from kiosk.errors import KioskError, NoDaemon
from kiosk.site_settings import BELGIUM, PositionSource, Site

#: Both are needed: with the first alone readers are listed and no card is read (facts, hardware, section 1.7).
POLKIT_ACTIONS: Final = ("org.debian.pcsc-lite.access_pcsc", "org.debian.pcsc-lite.access_card")
_POLICY: Final = Path("/usr/share/polkit-1/actions/org.debian.pcsc-lite.policy")
_RULES: Final = (Path("/etc/polkit-1/rules.d"), Path("/run/polkit-1/rules.d"), Path("/usr/share/polkit-1/rules.d"))
_PROXIES: Final = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")

Ask = Callable[[str, Mapping[str, object]], Mapping[str, Any]]


def position(site: Site) -> Finding:
    """Say whether the site lies in or near Belgium: elsewhere nothing is registered, so it is most likely a typing error."""
    where = f"{site.latitude:g}, {site.longitude:g}"
    south, north, west, east = BELGIUM
    if south <= site.latitude <= north and west <= site.longitude <= east:
        return fine("position", f"{where}: in or near Belgium")
    return advice("position", f"{where}: not in Belgium, nor near it", "correct latitude and longitude in [site]")


def zones(site: Site, system: Path = Path("/etc/localtime")) -> Finding:
    """Say which time zone counts: the site's, whatever the system's is."""
    linked = str(system.resolve()).partition("zoneinfo/")[2]
    return fine("time zone", f"{site.time_zone.key} for this site; the system's ({linked or 'not known'}) counts for nothing")


def polkit(user: int, *, policy: Path = _POLICY, rules: Sequence[Path] = _RULES) -> Finding:
    """Say whether the user who runs kiosk is allowed to use the reader where polkit decides that (Debian 13).

    Args:
        user: The uid of the store's owner.
        policy: There where pcscd asks polkit.
        rules: Folders of polkit's rules.
    """
    subject = "polkit"
    if not policy.exists():
        return fine(subject, "pcscd does not ask it on this system")
    if user == 0:
        return fine(subject, "root is always allowed to use the reader")
    try:
        texts = [file.read_text(encoding="utf-8", errors="replace") for folder in rules for file in _rules_in(folder)]
    except PermissionError as error:
        return fine(subject, f"{error.filename} may not be read by this user; the line of the reader tells whether he may use it")
    missing = [action for action in POLKIT_ACTIONS if not any(action in text for text in texts)]
    if missing:
        return red(subject, f"no rule speaks of {' and '.join(missing)}: the reader stays silent", POLKIT_REPAIR)
    return fine(subject, "there are rules for both actions of pcscd")


def _rules_in(folder: Path) -> list[Path]:
    try:
        return sorted(each for each in folder.iterdir() if each.suffix == ".rules")
    except FileNotFoundError:
        return []


def proxy(environ: Mapping[str, str]) -> Finding:
    """Say through which proxy calls go out; a login in its address is not repeated."""
    address = next((environ[name] for name in _PROXIES if environ.get(name)), None)
    own = "the daemon has an environment of its own: systemctl show -p Environment kiosk"
    if address is None:
        return fine("proxy", f"none in this environment ({own})")
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        where = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    except ValueError:
        return red("proxy", "the proxy in this environment is no address", "correct https_proxy: http://host:port")
    return fine("proxy", f"calls go through {where} in this environment ({own})")


def daemon(ask: Ask, installed: str) -> Iterator[Finding]:
    """Say how the running daemon stands, its readers among it.

    Args:
        ask: Asks the daemon a call with its parameters.
        installed: The version that is installed.
    """
    try:
        status = ask("status", {})
    except NoDaemon:
        yield advice("daemon", "none runs", "start it: systemctl start kiosk, or kiosk run; its log says why it ended")
        return
    except KioskError as error:
        yield red("daemon", error.message, error.repair or "look at its log: journalctl -u kiosk")
        return
    if status["version"] == installed:
        yield fine("daemon", f"runs, {status['environment']}, shows {status['signal']}; {status['tasks']} open tasks")
    else:
        told = f"runs version {status['version']}, installed is {installed}"
        yield advice("daemon", told, "let it take up the installed one: systemctl restart kiosk")
    yield from _readers(status["readers"])
    yield from _position(status["position"])
    yield _delivery(status)
    yield from waiting.salvaged(status["store"]["salvaged"])
    yield from waiting.times(status, _held(ask) if status["held"] else [])


def _held(ask: Ask) -> Sequence[Mapping[str, Any]]:
    held: Sequence[Mapping[str, Any]] = ask("outbox list", {"state": "held"})["items"]
    return held


def _readers(readers: Sequence[Mapping[str, Any]]) -> Iterator[Finding]:
    for reader in readers:
        subject = f"reader {reader['name']} in the daemon"
        if reader["state"] == "ready":
            yield fine(subject, "ready")
        else:
            yield red(subject, str(reader["state"]), "plug it in again; if it stays so: systemctl restart pcscd kiosk")


def _position(position: Mapping[str, Any]) -> Iterator[Finding]:
    """Say how the receiver stands; without one there is nothing to say."""
    subject = "position in the daemon"
    if position["source"] == PositionSource.SITE:
        return
    if position["state"] != "ready":
        yield red(subject, "gpsd does not answer", "start it: systemctl restart gpsd.socket; correct host and port in [position]")
    elif not position["fix"]:
        told = "no fix that is new and good enough: the configured coordinates go out"
        yield advice(subject, told, "under a roof there is none; else look with `gpsmon` whether the receiver sees satellites")
    elif position["inside"] is False:
        told = "this box is not where it should be: taps are held"
        yield red(subject, told, "bring it back, or tell it where it stands now: kiosk site move")
    else:
        yield fine(subject, f"a fix {position['age_seconds']} s old, within {position['error_meters']} m")


def _delivery(status: Mapping[str, Any]) -> Finding:
    service, waits = status["service"], status["queued"] + status["unknown"]
    told = f"{waits} wait, {status['held']} held, {status['refused']} refused"
    if service["last_error"] is None:
        return fine("delivery", told)
    told += f"; at the last call: {service['last_error']}"
    if service["state"] in (ServiceState.DOWN, ServiceState.CONFIG_FAULT):
        return red("delivery", told, "see the lines about the service below")
    return advice("delivery", told, "`kiosk tasks` shows what a human must settle")
