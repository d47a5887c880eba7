from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kiosk.cli import main
from tests.box import Ran
from tests.configs import change, write
from tests.descriptions import Json, derived, schemas

Kiosk = Callable[..., Ran]


@pytest.fixture
def kiosk(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kiosk:
    """Run one verb in this process, on a machine without a configuration."""
    monkeypatch.setenv("KIOSK_CONFIG", str(tmp_path / "kiosk.toml"))

    def run(*words: str) -> Ran:
        code = main(words)
        captured = capfd.readouterr()
        assert "Traceback" not in captured.err
        return Ran(code, captured.out, captured.err)

    return run


def document(folder: Path, content: Json) -> str:
    path = folder / "swagger.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return str(path)


def narrowed() -> Json:
    found = derived()
    schemas(found)["RegisterInBulkRequest"]["properties"]["items"]["maxItems"] = 50
    found["paths"]["/presences/{nr}"] = found["paths"].pop("/presenceRegistrations/{id}")
    found["paths"]["/presences/{nr}"]["get"]["parameters"][0]["name"] = "nr"
    return found


def test_nothing_that_matters_exits_0(kiosk: Kiosk, tmp_path: Path) -> None:
    """A document that says what is assumed is told so, without any configuration."""
    ran = kiosk("contract", "diff", document(tmp_path, derived()))
    assert (ran.code, ran.err) == (0, "")
    assert "nothing that matters differs" in ran.out


def test_what_matters_exits_1_and_its_repair_exits_0(kiosk: Kiosk, tmp_path: Path) -> None:
    """What differs is told with the lines to write; with them in the configuration nothing differs any more."""
    file = document(tmp_path, narrowed())
    ran = kiosk("contract", "diff", file)
    assert ran.code == 1
    assert "breaks      consult, path\n            assumed: /presenceRegistrations/{id}; described: /presences/{nr}" in ran.out
    told = json.loads(kiosk("contract", "diff", file, "--json").out)
    assert told["matters"]
    assert told["configuration"] in ran.out
    write(tmp_path, change(("[store]", f"{told['configuration']}\n[store]"), ("8443/api", "8443/REST/presenceRegistration/v1")))
    assert kiosk("contract", "diff", file).code == 0


@pytest.mark.parametrize(("name", "content"), [("x.json", "{"), ("x.yaml", "a: ["), ("x.json", "{}"), ("x.zip", "PK")])
def test_a_file_that_is_none_exits_2_in_words(name: str, content: str, kiosk: Kiosk, tmp_path: Path) -> None:
    """A file that can't be read, or is something else, is a mistake in the usage, told in a sentence."""
    (tmp_path / name).write_text(content, encoding="utf-8")
    ran = kiosk("contract", "diff", str(tmp_path / name))
    assert (ran.code, ran.out) == (2, "")
    assert "repair: " in ran.err


def test_the_contract_is_shown(kiosk: Kiosk, tmp_path: Path) -> None:
    """Everything that is known and assumed is printed, as this box would use it; the sectors too."""
    ran = kiosk("contract", "show")
    assert (ran.code, ran.err) == (0, "")
    for words in (
        "register: POST /presenceRegistrations/registerInBulk (known)",
        "limits: 200 items in a call, 100 in a page (assumed)",
        "scopes: unknown, none is asked for",
        "construction needs: the law that announces in and out for 2027, promulgated",
    ):
        assert words in ran.out
    write(tmp_path, change(("[store]", "[service.limits]\nbatch = 50\n[store]")))
    assert told(kiosk("contract", "show", "--json"))["limits"]["batch"] == 50


def told(ran: Ran) -> Any:
    assert (ran.code, ran.err) == (0, ""), ran
    return json.loads(ran.out)


def test_a_wrong_configuration_is_told(kiosk: Kiosk, tmp_path: Path) -> None:
    """A configuration that is there and wrong is no reason to compare with something else."""
    write(tmp_path, "[site]")
    ran = kiosk("contract", "show")
    assert (ran.code, ran.out) == (2, "")
    assert "kiosk.toml" in ran.err
