"""`kiosk provision` as an admin types it: on a real terminal, and from a file of answers."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from hardware.virtual_reader import READER_NAME, VirtualReader
from kiosk.config import load
from kiosk.opening import borrowed_desk
from kiosk.provision.template import literal
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.simulator.simulator import Simulator
from tests.admins import CLIENT_ID, SITE, answers
from tests.box import CLIENT_ID as BOX_CLIENT
from tests.box import Box
from tests.people import CANARY_CARD, CANARY_INSZ, CANARY_NAME, OTHER_EMPLOYER, invented_card, invented_line

SECONDS = 60


def kiosk(folder: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the verb as its user would."""
    command = [sys.executable, "-m", "kiosk", "--config", str(folder / "box" / "kiosk.toml"), *words]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=SECONDS)


def written(folder: Path, simulator: Simulator, **changes: str | bool) -> str:
    """A file of answers."""
    given = answers(simulator) | {"declarations": ["1Y1003SQ5VSSZ"]} | changes
    lines = (f"{key} = {json.dumps(value) if isinstance(value, bool) else literal(value)}\n" for key, value in given.items())
    path = folder / "answers.toml"
    path.write_text("".join(lines))
    return str(path)


def test_on_a_terminal_from_nothing_to_an_accepted_registration(tmp_path: Path) -> None:
    """Every question answered once on a real terminal; the INSZ is not shown; the registration has the service's id."""
    with Simulator(tmp_path / "service") as simulator:
        given = answers(simulator)
        talk = [
            ("company's name", "Invented NV"),
            ("that was bought", ""),
            ("Kind of key", "rsa-2048"),
            ("The client id that", CLIENT_ID),
            ("Address of the service", str(given["api_url"])),
            ("Address of the token", str(given["token_url"])),
            ("certificates to trust", str(given["ca_file"])),
            ("Name of the site", SITE),
            ("Declaration of works", "1Y1003SQ5VSS"),
            ("Declaration of works", "1Y1003SQ5VSSZ"),
            ("Declaration of works", ""),
            ("Whose workers", "0206.731.645"),
            ("Where the box stands", "4.3670, 50.8466"),
            ("Where the box stands", "50.8466, 4.3670"),
            ("Time zone", ""),
            ("Card reader", "simulated"),
            ("This reader is for", ""),
            ("whose clock you vouch for", "y"),
            ("Does the box stand there?", "n"),
            ("Where the box stands", "50.8466, 4.3671"),
            ("Does the box stand there?", "y"),
            ("Give out a first badge", "y"),
            ("card (hexadecimal, or", "badge seven"),
            ("card (hexadecimal, or", CANARY_CARD.identifier.hex()),
            ("INSZ of its holder", str(int(CANARY_INSZ.digits) + 1)),
            ("INSZ of its holder", CANARY_INSZ.digits),
            ("name", CANARY_NAME),
            ("as a trial", "y"),
        ]
        shown = converse(tmp_path, simulator, talk)
        assert "accepted by 127.0.0.1: registration" in shown
        assert CANARY_INSZ.digits not in shown
        assert str(int(CANARY_INSZ.digits) + 1) not in shown
        assert "Error: a card is written in pairs" in shown
        assert "Error: the check digits of this INSZ" in shown
        assert "exchanged" in shown
        assert len(simulator.ledger.rows()) == 1
        box = tmp_path / "box"
        assert "longitude = 4.3671\n" in (box / "kiosk.toml").read_text()
        assert [path.name for path in box.iterdir() if path.name.startswith(".")] == []
        again = kiosk(tmp_path, "provision", "rotate", "--status")
        assert (again.returncode, "days left" in again.stdout) == (0, True)


def converse(
    folder: Path, simulator: Simulator, talk: list[tuple[str, str]], happenings: Mapping[str, Callable[[], object]] | None = None
) -> str:
    """Answer each question when it stands there; upload the certificate when Chaman is spoken of.

    Args:
        folder: The box is made in its folder ``box``.
        simulator: Chaman and the service.
        talk: Words of each question and the answer, in their order.
        happenings: What is done when these words appear.
    """
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "kiosk", "--config", str(folder / "box" / "kiosk.toml"), "provision"]
    coming = dict(happenings or {})
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env={**os.environ, "TERM": "dumb"}) as verb:
        os.close(slave)
        shown, answered, end = "", 0, time.monotonic() + SECONDS
        while time.monotonic() < end:
            ready, _, _ = select.select([master], [], [], 0.1)
            if ready:
                try:
                    shown += os.read(master, 65536).decode(errors="replace")
                except OSError:
                    break
            for words in [words for words in coming if words in shown]:
                coming.pop(words)()
            tail = shown[answered:]
            if talk and talk[0][0] in tail and tail.rstrip(" ").endswith((":", "]:")):
                answered = len(shown)
                if talk[0][0] == "The client id that":
                    simulator.add_client(CLIENT_ID, (folder / "box" / "client.cert.pem").read_bytes())
                os.write(master, talk.pop(0)[1].encode(errors="surrogateescape") + b"\n")
        verb.kill()
        os.close(master)
    assert not talk, (talk[0], shown[-2000:])
    return shown


def test_the_first_badge_is_read_at_a_real_reader(tmp_path: Path, virtual_reader: VirtualReader) -> None:
    """Through a real pcscd: the reader is found, tells the badge's number that nobody knows, and takes the first tap."""
    with Simulator(tmp_path / "service") as simulator:
        given = answers(simulator)
        talk = [
            ("company's name", "Invented NV"),
            ("that was bought", ""),
            ("Kind of key", "p-384"),
            ("The client id that", CLIENT_ID),
            ("Address of the service", str(given["api_url"])),
            ("Address of the token", str(given["token_url"])),
            ("certificates to trust", str(given["ca_file"])),
            ("Name of the site", "caf\udce9"),
            ("Name of the site", SITE),
            ("Declaration of works", "1Y1003SQ5VSSZ"),
            ("Declaration of works", "1Y102M7NZF7PZ"),
            ("Declaration of works", ""),
            ("Whose workers", "0206.731.645"),
            ("Where the box stands", "50.8466, 4.3670"),
            ("Time zone", ""),
            ("Card reader", ""),
            ("This reader is for", ""),
            ("whose clock you vouch for", "y"),
            ("Does the box stand there?", "y"),
            ("Give out a first badge", "y"),
            ("INSZ of its holder", CANARY_INSZ.digits),
            ("name", CANARY_NAME),
            ("for which declaration", "1Y102M7NZF7PZ"),
            ("as a trial", "y"),
        ]
        uid = CANARY_CARD.identifier
        happenings: dict[str, Callable[[], object]] = {
            "Lay the badge on the reader": lambda: virtual_reader.insert(uid),
            "INSZ of its holder": virtual_reader.remove,
            "Tap the badge at the reader": lambda: virtual_reader.insert(uid),
        }
        shown = converse(tmp_path, simulator, talk, happenings)
        assert f"plugged in: {READER_NAME}" in shown
        assert "this is no UTF-8" in shown
        assert "accepted by 127.0.0.1: registration" in shown
        assert uid.hex() not in shown.lower()
        (row,) = simulator.ledger.rows()
        assert (row.item["ssin"], row.item["contractualRelationshipReference"]) == (CANARY_INSZ.digits, "1Y102M7NZF7PZ")


def test_from_a_file_of_answers_and_a_badge_on_standard_input(tmp_path: Path) -> None:
    """Nothing is asked: the first run makes the keys, the second, after the upload, the box, the badge and the registration."""
    badge = json.dumps({"card": CANARY_CARD.identifier.hex(), "insz": CANARY_INSZ.digits, "name": CANARY_NAME})
    with Simulator(tmp_path / "service") as simulator:
        text = written(tmp_path, simulator, first_registration=True)
        early = tmp_path / "early.toml"
        early.write_text("".join(line for line in Path(text).read_text().splitlines(keepends=True) if "client_id" not in line))
        first = kiosk(tmp_path, "provision", "--answers", str(early))
        assert (first.returncode, "no client_id yet" in first.stderr) == (1, True)
        simulator.add_client(CLIENT_ID, (tmp_path / "box" / "client.cert.pem").read_bytes())
        done = kiosk(tmp_path, "provision", "--answers", text, "--badge", stdin=badge)
        assert done.returncode == 0, done
        assert len(simulator.ledger.rows()) == 1
        assert CANARY_INSZ.digits not in done.stdout + done.stderr
        prepared = kiosk(tmp_path, "provision", "rotate")
        assert (prepared.returncode, "next key is ready" in prepared.stdout) == (0, True)
        refused = kiosk(tmp_path, "provision", "rotate")
        assert (refused.returncode, "not switched to" in refused.stderr) == (1, True)
        leaving = kiosk(tmp_path, "provision", "--leave-training", "--confirm", SITE)
        assert (leaving.returncode, "simulated" in leaving.stderr) == (2, True)
        kept = kiosk(tmp_path, "provision", "seal", "--folder", str(tmp_path / "creds"))
        assert (kept.returncode, "nobody can say yes" in kept.stderr) == (2, True)
        assert not (tmp_path / "creds").exists()
        assert (tmp_path / "box" / "store.key").exists()


def test_options_say_it_too(tmp_path: Path) -> None:
    """A box from options alone, and a second run that has nothing to do tells how it stands; nothing secret is an option."""
    with Simulator(tmp_path / "service") as simulator:
        given = answers(simulator) | {"key": "p-384", "declarations": ["1Y1003SQ5VSSZ"]}
        words = [f"--{key.replace('_', '-')}={value}" for key, value in given.items() if isinstance(value, str)]
        made = kiosk(tmp_path, "provision", *words, "--declaration=1Y1003SQ5VSSZ", "--assume-clock")
        assert (made.returncode, "No token yet" in made.stdout) == (1, True), made
        simulator.add_client(CLIENT_ID, (tmp_path / "box" / "client.cert.pem").read_bytes())
        again = kiosk(tmp_path, "provision")
        assert again.returncode == 0, again
        assert "days left" in again.stdout
        assert "no rotation is under way" in again.stdout


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    """No terminal, answers that lack something, an employer without a credential, a kind of key that is none."""
    with Simulator(tmp_path / "service") as simulator:
        silent = kiosk(tmp_path, "provision")
        assert (silent.returncode, "without a terminal" in silent.stderr) == (2, True)
        (tmp_path / "short.toml").write_text('company = "X"\n')
        short = kiosk(tmp_path, "provision", "--answers", str(tmp_path / "short.toml"))
        assert (short.returncode, "these lack: site, coordinates" in short.stderr) == (2, True)
        assert not (tmp_path / "box").exists()
        kiosk(tmp_path, "provision", "--answers", written(tmp_path, simulator), "--user", "root")
        options = kiosk(tmp_path, "provision", "--api-url", "http://plain", "--declaration", "1Y1003SQ5VSS", "--site", SITE)
        assert options.returncode == 2
        assert "--api-url: is no https address" in options.stderr
        assert "--declarations: a declaration number has 13" in options.stderr
        for words, told in ((("--employer", "1"), "no [[credential]]"), (("--key", "dsa"), "no such kind")):
            wrong = kiosk(tmp_path, "provision", "rotate", *words)
            assert (wrong.returncode, told in wrong.stderr) == (2, True)
        ghost = kiosk(tmp_path, "provision", "--answers", written(tmp_path, simulator), "--user", "nobody-of-that-name")
        assert (ghost.returncode, "no user" in ghost.stderr) == (2, True)


def test_a_key_is_rotated_under_a_running_daemon(tmp_path: Path) -> None:
    """Taps before, between and after are accepted, the last ones with the old certificate gone from Chaman; all is recorded."""
    (tmp_path / "box").mkdir()
    with Simulator(tmp_path / "service") as simulator, Box(tmp_path / "box", simulator) as box:
        box.provision().start().enrol([invented_line(number) for number in range(3)])
        folder = box.folder

        def tapped(number: int) -> int:
            box.tap(invented_card(number))
            return int(box.settle()["accepted"])

        assert tapped(0) == 1
        assert "next key is ready" in box.verb("provision", "rotate", "--key", "p-384").out
        simulator.add_client(BOX_CLIENT, (folder / "client.cert.next.pem").read_bytes())
        assert tapped(1) == 2
        switched = box.verb("provision", "rotate")
        assert (switched.code, "the old one is gone" in switched.out) == (0, True), switched
        simulator.authority.clients.remove(BOX_CLIENT)
        simulator.add_client(BOX_CLIENT, (folder / "client.cert.pem").read_bytes())
        assert tapped(2) == 3
        assert simulator.ledger.duplicates() == 0
        assert {path.name for path in folder.glob("client.*")} == {"client.key.pem", "client.cert.pem"}
        box.stop()
        with borrowed_desk(load(box.config, {}), create=False) as desk:
            kinds = [
                kind for (kind,) in desk.database.read(lambda c: c.execute("SELECT kind FROM evidence ORDER BY id").fetchall())
            ]
        assert [kind for kind in kinds if kind.startswith("key_")] == ["key_prepared", "key_switched", "key_retired"]


def test_an_employers_own_key_is_rotated_by_his_number(tmp_path: Path) -> None:
    """Only his pair gets a successor; the box's own key is left alone."""
    (tmp_path / "box").mkdir()
    with Simulator(tmp_path / "service") as simulator, Box(tmp_path / "box", simulator) as box:
        box.provision()
        key, certificate = (box.folder / f"other.{name}.pem" for name in ("key", "cert"))
        make_client_key(key, certificate, company="Other NV", now=datetime.now(UTC), kind=KeyKind.P_384)
        table = f'[[credential]]\nenterprise_number = "{OTHER_EMPLOYER.value}"\nclient_id = "other"\n'
        box.config.write_text(f'{box.config.read_text()}\n{table}private_key = "{key}"\ncertificate = "{certificate}"\n')
        ran = box.verb("provision", "rotate", "--employer", OTHER_EMPLOYER.value)
        assert (ran.code, "other.cert.next.pem" in ran.out) == (0, True), ran
        assert sorted(path.name for path in box.folder.glob("*.next.pem")) == ["other.cert.next.pem", "other.key.next.pem"]
