"""kiosk.provision.production leaves training only when everything is in its place, and says all that is not at once."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.config import load
from kiosk.contract import PRODUCTION_API_URL, TOKEN_URL, ServiceSettings
from kiosk.errors import Declined, UsageError
from kiosk.model import Environment
from kiosk.opening import borrowed_desk, open_house
from kiosk.provision.notebook import Notebook
from kiosk.provision.production import leave_training
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.settings import Config
from kiosk.simulator.simulator import Simulator
from kiosk.verdicts import Misconfigured, NotSent
from tests.admins import SITE, Admin, desk_of, set_up
from tests.box import line_fields
from tests.configs import change, write
from tests.people import CANARY

OTHER = '[[credential]]\nenterprise_number = "0403019261"\nclient_id = "box-2"\nprivate_key = "other.key.pem"\n'


def box(folder: Path, *changes: tuple[str, str]) -> Config:
    """A box with a real reader, its client key and a second employer's."""
    certificate = ("client_id", 'certificate = "client.cert.pem"\nclient_id')
    path = write(folder, change(('driver = "simulated"', 'driver = "pcsc"'), certificate, *changes))
    for name in ("client", "other"):
        key = folder / f"{name}.key.pem"
        key.unlink(missing_ok=True)
        make_client_key(key, folder / f"{name}.cert.pem", company="Invented NV", now=datetime.now(UTC), kind=KeyKind.P_384)
    return load(path, {})


def admin() -> Admin:
    return Admin(Notebook(None, {}), {})


def refused(config: Config, failed: NotSent | None = None) -> str:
    """What stands in the way."""
    before = config.path.read_bytes()
    with pytest.raises(UsageError) as caught:
        leave_training(admin(), config, confirmed=SITE, prove=lambda _: failed)
    assert config.path.read_bytes() == before
    return caught.value.message


def test_every_credential_is_proven_at_the_production_token_server(tmp_path: Path) -> None:
    """A token of the training's token server proves nothing; each employer's own key must be known too."""
    other = OTHER.replace("private_key", 'certificate = "other.cert.pem"\nprivate_key')
    config = box(tmp_path, ("[store]", f"{other}\n[store]"), ("client_id", 'token_url = "https://localhost/token"\nclient_id'))
    proven = list[ServiceSettings]()
    leave_training(admin(), config, confirmed=SITE, prove=proven.append)
    assert [settings.client_id for settings in proven] == ["box-1", "box-2"]
    assert {(settings.api_url, settings.token_url) for settings in proven} == {(PRODUCTION_API_URL, TOKEN_URL)}
    real = load(config.path, {})
    assert (real.service.api_url, real.service.token_url) == (PRODUCTION_API_URL, TOKEN_URL)
    with borrowed_desk(real, create=False):
        pass


def test_all_that_stands_in_the_way_is_said_at_once(tmp_path: Path) -> None:
    """Each credential's certificate by its name and criterion; only then is the network asked."""
    config = box(tmp_path, ("[store]", f"{OTHER}\n[store]"))
    (tmp_path / "client.cert.pem").unlink()
    make_client_key(tmp_path / "x.pem", tmp_path / "client.cert.pem", company="Y", now=datetime.now(UTC), kind=KeyKind.P_384)
    told = refused(config)
    assert "[service] certificate: pair: it does not belong to the client key" in told
    assert "[[credential]] 1 certificate: name the certificate" in told


def test_a_token_that_is_not_had_says_what_is_trusted(tmp_path: Path) -> None:
    """The double's own authority, left in the configuration, is the usual reason."""
    (tmp_path / "ca.pem").write_text("-")
    config = box(tmp_path, ("client_id", 'ca_file = "ca.pem"\nclient_id'))
    told = refused(config, NotSent(why="certificate verify failed"))
    assert "certificate verify failed" in told
    assert f"ca_file trusts {tmp_path / 'ca.pem'} alone" in told


def test_not_while_the_store_is_held(tmp_path: Path) -> None:
    """A running daemon would go on in training: it is to be stopped first, and nothing is changed."""
    config = box(tmp_path)
    before = config.path.read_bytes()
    house = open_house(config, create=True)
    try:
        with pytest.raises(Declined, match="holds the store"):
            leave_training(admin(), config, confirmed=SITE, prove=lambda _: None)
    finally:
        house.database.close()
    assert config.path.read_bytes() == before


def test_an_address_that_can_not_be_rewritten_is_told(tmp_path: Path) -> None:
    """An inline table is the admin's own style: he gets the very line to write."""
    config = box(tmp_path)
    text = config.path.read_text().replace("[service]\n", "[service]\nbatch_size = 1\n")
    start, end = text.index("[service]"), text.index("[store]")
    pairs = ", ".join(line for line in text[start:end].splitlines()[1:] if line)
    config.path.write_text(f"service = {{{pairs}}}\n{text[:start]}{text[end:]}")
    with pytest.raises(UsageError, match="written in a way") as caught:
        leave_training(admin(), load(config.path, {}), confirmed=SITE, prove=lambda _: None)
    assert f'api_url = "{PRODUCTION_API_URL}"' in str(caught.value)


def test_the_real_world_begins_with_a_recorded_step(tmp_path: Path) -> None:
    """Leaving training names all that stands in the way, wants the site's name, writes one line, and begins the book."""
    with Simulator(tmp_path / "service") as simulator:
        config, person = set_up(tmp_path / "box", simulator)
    path = config.path

    def leave(confirmed: str | None, *, token: bool = True) -> None:
        def prove(settings: ServiceSettings) -> Misconfigured | None:
            assert (settings.api_url, settings.token_url) == (PRODUCTION_API_URL, TOKEN_URL)
            return None if token else Misconfigured(why="invalid_client")

        leave_training(person, load(path, {}), confirmed=confirmed, prove=prove)

    with pytest.raises(UsageError) as caught:
        leave(SITE)
    assert "it is simulated" in caught.value.message
    assert "assume" in caught.value.message
    text = path.read_text().replace('driver = "simulated"', 'driver = "pcsc"').replace('source = "assume"', 'source = "kernel"')
    path.write_text(text + "# mine\n")
    desk_of(config)("badge add", {"lines": [line_fields(CANARY)]})
    person.typed = ["Another site"]
    for confirmed in (None, "wrong", ""):
        with pytest.raises(Declined, match="nothing was changed"):
            leave(confirmed)
    assert path.read_text() == text + "# mine\n"
    with pytest.raises(UsageError, match="gives no token"):
        leave(SITE, token=False)
    leave(SITE)
    real = load(path, {})
    assert (real.service.api_url, real.service.token_url) == (PRODUCTION_API_URL, TOKEN_URL)
    assert real.service.environment is Environment.PRODUCTION
    assert path.read_text().endswith("# mine\n")
    assert any("the roster stays: 1 badges" in words for words in person.heard)
    with borrowed_desk(real, create=False) as desk:
        entries = desk.database.read(lambda c: c.execute("SELECT kind FROM evidence ORDER BY id").fetchall())
    assert entries[-1] == ("book_opened",)
    leave(SITE)
    assert person.heard[-1] == "This box has left training already."
