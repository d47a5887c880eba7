from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from kiosk.check import Finding, Grade
from kiosk.doctor.box import POLKIT_ACTIONS, daemon, polkit, position, proxy, zones
from kiosk.errors import Declined, NoDaemon
from kiosk.site_settings import Site

KIOSK_UID = 994


@pytest.mark.parametrize(
    ("latitude", "longitude", "grade"),
    [
        (50.8466, 4.3670, Grade.OK),
        (49.5, 5.8, Grade.OK),
        (51.45, 4.9, Grade.OK),
        (48.85, 2.35, Grade.ADVICE),
        (50.8466, 43.670, Grade.ADVICE),
        (-50.8466, 4.3670, Grade.ADVICE),
    ],
)
def test_a_site_far_from_belgium_is_wondered_at(latitude: float, longitude: float, grade: Grade) -> None:
    """Advice, since a lost minus or point is the likely reason, and no rule forbids it."""
    assert position(Site(name="Somewhere", latitude=latitude, longitude=longitude)).grade is grade


def test_the_systems_time_zone_counts_for_nothing(tmp_path: Path) -> None:
    """It is told so that nobody looks for a mistake there."""
    (tmp_path / "zoneinfo" / "Asia").mkdir(parents=True)
    (tmp_path / "zoneinfo" / "Asia" / "Tokyo").touch()
    (tmp_path / "localtime").symlink_to(tmp_path / "zoneinfo" / "Asia" / "Tokyo")
    site = Site(name="Somewhere", latitude=50.8, longitude=4.3)
    told = zones(site, tmp_path / "localtime")
    assert (told.grade, told.told) == (Grade.OK, "Europe/Brussels for this site; the system's (Asia/Tokyo) counts for nothing")
    assert "not known" in zones(site, tmp_path / "none").told


@pytest.fixture
def rules(tmp_path: Path) -> Callable[..., Finding]:
    """Polkit's folders with one rule of this text."""
    (tmp_path / "policy").touch()
    (tmp_path / "rules.d").mkdir()

    def look(text: str, *, user: int = KIOSK_UID, policy: str = "policy") -> Finding:
        (tmp_path / "rules.d" / "50-kiosk-pcsc.rules").write_text(text, encoding="utf-8")
        (tmp_path / "rules.d" / "README").write_text(" ".join(POLKIT_ACTIONS), encoding="utf-8")
        return polkit(user, policy=tmp_path / policy, rules=[tmp_path / "none", tmp_path / "rules.d"])

    return look


def test_both_rules_are_needed_where_polkit_decides(rules: Callable[..., Finding]) -> None:
    """With one of them readers are listed and no card is ever read, so each missing one is named with its repair."""
    both = rules(" ".join(POLKIT_ACTIONS))
    assert both.grade is Grade.OK
    one = rules(POLKIT_ACTIONS[0])
    assert one.grade is Grade.WRONG
    assert POLKIT_ACTIONS[1] in one.told
    assert POLKIT_ACTIONS[0] not in one.told
    assert "50-kiosk-pcsc.rules" in (one.repair or "")
    assert rules("").grade is Grade.WRONG


def test_polkit_is_left_alone_where_it_does_not_decide(rules: Callable[..., Finding]) -> None:
    """Debian 12's pcscd asks nobody, and root is always let through."""
    assert rules("", policy="none").told == "pcscd does not ask it on this system"
    assert rules("", user=0).grade is Grade.OK


def test_rules_that_may_not_be_read_are_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian keeps them from ordinary users: that is said, instead of calling them missing; the reader itself was asked."""
    (tmp_path / "policy").touch()

    def refuse(_: Path) -> None:  # root, who runs these tests in CI, is refused nothing
        raise PermissionError(13, "Permission denied", "rules.d")

    monkeypatch.setattr(Path, "iterdir", refuse)
    found = polkit(KIOSK_UID, policy=tmp_path / "policy", rules=[tmp_path])
    assert (found.grade, found.told) == (
        Grade.OK,
        "rules.d may not be read by this user; the line of the reader tells whether he may use it",
    )


@pytest.mark.parametrize(
    ("environ", "grade", "told"),
    [
        ({}, Grade.OK, "none in this environment"),
        ({"https_proxy": "http://proxy.test:3128"}, Grade.OK, "through proxy.test:3128 "),
        ({"HTTPS_PROXY": "proxy.test"}, Grade.OK, "through proxy.test "),
        ({"ALL_PROXY": "http://user:secret@proxy.test:3128"}, Grade.OK, "through proxy.test:3128 "),
        ({"https_proxy": "http://proxy.test:port"}, Grade.WRONG, "is no address"),
    ],
)
def test_the_proxy_is_told_without_its_login(environ: dict[str, str], grade: Grade, told: str) -> None:
    """Host and port only."""
    finding = proxy(environ)
    assert finding.grade is grade
    assert told in finding.told
    assert "secret" not in finding.told


STATUS: dict[str, Any] = {
    "version": "2026.11.0",
    "environment": "training",
    "signal": "training",
    "tasks": 2,
    "queued": 3,
    "unknown": 1,
    "held": 4,
    "refused": 5,
    "service": {"state": "up", "last_error": None},
    "readers": [{"name": "gate", "state": "ready"}],
    "position": {"source": "site", "state": None, "fix": False, "age_seconds": None, "error_meters": None, "inside": None},
    "store": {"salvaged": None},
    "clock": {"trusted": True, "disputed": False, "system_off_seconds": None},
    "waiting_for_clock": 0,
}
SALVAGED = {
    "at": "2026-11-25T06:00:00Z",
    "found": "SQLITE_CORRUPT",
    "rows": 9,
    "lost": 1,
    "lost_unsent": 0,
    "kept_file": "kiosk.db.corrupt.1",
}
HELD = [{"id": number, "reason": reason} for number, reason in enumerate(("late", "clock", "late", "seal"), start=1)]


def look(status: Mapping[str, Any]) -> list[tuple[str, Grade, str]]:
    found = daemon(lambda call, _: {"status": status, "outbox list": {"items": HELD}}[call], "2026.11.0")
    return [(each.subject, each.grade, each.told) for each in found]


def test_a_running_daemon_is_told_with_its_readers() -> None:
    """Version, environment, light, tasks, each reader, and what waits."""
    assert look(STATUS) == [
        ("daemon", Grade.OK, "runs, training, shows training; 2 open tasks"),
        ("reader gate in the daemon", Grade.OK, "ready"),
        ("delivery", Grade.OK, "4 wait, 4 held, 5 refused"),
        ("time of the taps", Grade.WRONG, "held, since their time is not known well enough: registration 2"),
    ]


def test_what_is_wrong_with_a_running_daemon_is_red() -> None:
    """A dead reader and a last call that failed; an older version that still runs is advice."""
    troubled = {
        **STATUS,
        "version": "2026.10.0",
        "readers": [{"name": "gate", "state": "dead"}],
        "service": {"state": "down", "last_error": "no connection"},
        "held": 0,
        "store": {"salvaged": SALVAGED},
    }
    assert look(troubled) == [
        ("daemon", Grade.ADVICE, "runs version 2026.10.0, installed is 2026.11.0"),
        ("reader gate in the daemon", Grade.WRONG, "dead"),
        ("delivery", Grade.WRONG, "4 wait, 0 held, 5 refused; at the last call: no connection"),
        (
            "salvaged store",
            Grade.WRONG,
            (
                "on 2026-11-25T06:00:00Z, since SQLITE_CORRUPT: 9 rows kept, 1 registrations lost, 0 of"
                " them not sent yet; the damaged file is kiosk.db.corrupt.1"
            ),
        ),
        ("time of the taps", Grade.OK, "none is in doubt"),
    ]


def test_a_refused_item_is_no_trouble_of_the_service() -> None:
    """The service is there and has said no: that is a task, and no red line."""
    refused = {**STATUS, "service": {"state": "up", "last_error": "badRequest"}}
    assert ("delivery", Grade.ADVICE) in [each[:2] for each in look(refused)]


def test_no_daemon_is_no_mistake_and_one_that_refuses_is() -> None:
    """Before the first start none runs; one that answers with an error is red, with that error."""

    def none(_call: str, _params: Mapping[str, object]) -> Mapping[str, Any]:
        raise NoDaemon("no daemon answers")

    def refuses(_call: str, _params: Mapping[str, object]) -> Mapping[str, Any]:
        raise Declined("it refuses")

    (absent,) = daemon(none, "1")
    assert absent.grade is Grade.ADVICE
    (refused,) = daemon(refuses, "1")
    assert (refused.grade, refused.told) == (Grade.WRONG, "it refuses")


@pytest.mark.parametrize(
    ("changes", "grade", "told"),
    [
        ({"state": "dead"}, Grade.WRONG, "gpsd does not answer"),
        ({"fix": False}, Grade.ADVICE, "no fix that is new and good enough: the configured coordinates go out"),
        ({"inside": False}, Grade.WRONG, "this box is not where it should be: taps are held"),
        ({"inside": None}, Grade.OK, "a fix 1 s old, within 17 m"),
        ({}, Grade.OK, "a fix 1 s old, within 17 m"),
    ],
)
def test_the_position_is_told_where_a_receiver_is_used(changes: dict[str, Any], grade: Grade, told: str) -> None:
    """A dead gpsd and a box in the wrong place are red; a roof over the box is not."""
    position = {"source": "gpsd", "state": "ready", "fix": True, "age_seconds": 1, "error_meters": 17, "inside": True}
    assert ("position in the daemon", grade, told) in look({**STATUS, "position": {**position, **changes}})
