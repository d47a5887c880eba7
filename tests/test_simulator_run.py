from __future__ import annotations

import io
import json
import os
import signal
import ssl
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from kiosk.errors import UsageError
from kiosk.simulator import Behaviour, Fault
from kiosk.simulator.run import Options, run
from tests.people import OTHER_EMPLOYER
from tests.strangers import CLIENT, ec_key, public_pem

PROGRAM = """
import sys
from pathlib import Path
from kiosk.simulator import Behaviour
from kiosk.simulator.run import Options, run
sys.exit(run(Options(state_dir=Path(sys.argv[1]), behaviour=Behaviour(port=int(sys.argv[2])), json=True)))
"""


def start(directory: Path, port: int) -> tuple[subprocess.Popen[str], dict[str, str]]:
    arguments = [sys.executable, "-c", PROGRAM, str(directory), str(port)]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, json.loads(process.stdout.readline())


def end(process: subprocess.Popen[str], number: signal.Signals) -> int:
    process.send_signal(number)
    process.communicate(timeout=20)
    return process.returncode


def test_it_says_where_it_is_and_serves_until_told_to_stop(tmp_path: Path) -> None:
    """One JSON line when ready, requests served, exit 0 on SIGTERM and on SIGINT; the same port and authority serve again."""
    process, where = start(tmp_path, 0)
    trust = ssl.create_default_context(cafile=where["ca_file"])
    assert set(where) == {"api_url", "token_url", "ca_file"}
    with httpx.Client(verify=trust) as client:
        assert client.get(where["api_url"] + "/health").status_code == 200
        assert end(process, signal.SIGTERM) == 0
        process, again = start(tmp_path, httpx.URL(where["api_url"]).port or 0)
        assert again == where
        assert client.get(where["api_url"] + "/health").status_code == 200
    assert end(process, signal.SIGINT) == 0


class Ready(io.StringIO):
    """Takes the announcement and at once asks the process to stop, as an operator would."""

    def flush(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_people_get_sentences(tmp_path: Path) -> None:
    """Without JSON the announcement says that nothing here is a registration, and where it is; handlers are put back."""
    before = signal.getsignal(signal.SIGTERM)
    key = tmp_path / "client.pem"
    key.write_bytes(public_pem(ec_key()))
    out = Ready()
    options = Options(
        state_dir=tmp_path,
        behaviour=Behaviour(),
        clients=((CLIENT, key),),
        chances=((Fault.DRIP, 0.1),),
        denied_employers=(OTHER_EMPLOYER.value,),
    )
    assert run(options, out=out) == 0
    assert "nothing it accepts is a registration" in out.getvalue()
    assert str(tmp_path / "ca.pem") in out.getvalue()
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"clients": ((CLIENT, Path("/nowhere/key.pem")),)}, "can't be read"),
        ({"clients": ((CLIENT, Path(__file__)),)}, "can't be used"),
        ({"chances": ((Fault.DRIP, 2.0),)}, "between 0 and 1"),
        ({"behaviour": Behaviour(host="203.0.113.250")}, "can't listen"),
    ],
)
def test_wrong_options_are_told(tmp_path: Path, options: dict[str, object], why: str) -> None:
    """A file, probability or address that can't be used is a usage error with its repair, and nothing is announced."""
    out = io.StringIO()
    whole: dict[str, object] = {"state_dir": tmp_path, "behaviour": Behaviour(), **options}
    with pytest.raises(UsageError, match=why) as error:
        run(Options(**whole), out=out)  # type: ignore[arg-type]  # a table of options
    assert error.value.repair
    assert out.getvalue() == ""
