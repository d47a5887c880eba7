from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kiosk import contract
from kiosk.contract import Evidence, Paths, ServiceSettings
from kiosk.errors import UsageError

KEY = Path("client.key.pem")


def settings(**changes: object) -> ServiceSettings:
    values: dict[str, object] = {
        "api_url": contract.SIMULATION_API_URL,
        "token_url": contract.TOKEN_URL,
        "client_id": "self_service_expeditor_123456",
        "private_key": KEY,
    }
    return ServiceSettings(**(values | changes))  # type: ignore[arg-type]  # wrong values are what is tested


def test_only_registration_is_called_known() -> None:
    """Every path but that of registerInBulk is marked as assumed, so nobody takes it for proven."""
    known = [each.path for each in contract.OPERATIONS if each.evidence is Evidence.KNOWN]
    assert known == ["/presenceRegistrations/registerInBulk"]


def test_urls_are_joined_without_a_double_slash() -> None:
    """A base with a trailing slash gives the same URL as one without."""
    for base in ("https://host/v1", "https://host/v1/"):
        assert settings(api_url=base).url(Paths().register) == "https://host/v1/presenceRegistrations/registerInBulk"


@pytest.mark.parametrize("key", ["api_url", "token_url"])
@pytest.mark.parametrize(
    "url",
    [
        "http://host/v1",
        "host/v1",
        "https:///v1",
        "https://host:port/v1",
        "https://[::1/v1",
        "https://user:hunter2@host/v1",
        "https://host/v1?x=1",
        "https://host/v1#x",
        "https://host/v 1",
        "https://hóst/v1",
        "ftp://host/v1",
        "",
    ],
)
def test_other_urls_than_https_are_refused(key: str, url: str) -> None:
    """A URL that is not plain https is refused with the key's name and the repair, and never repeated."""
    with pytest.raises(UsageError) as caught:
        settings(**{key: url})
    assert key in str(caught.value)
    assert "repair" in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("seconds", [-1, float("nan")])
def test_a_timeout_that_is_no_duration_is_refused(seconds: float) -> None:
    """The total time of a call is a duration from 0 on."""
    with pytest.raises(UsageError, match="timeout_seconds"):
        settings(timeout_seconds=seconds)


def test_contract_and_wire_are_cheap_to_import() -> None:
    """The contract and the wire format load neither httpx nor PyJWT: the tap path may come near them."""
    code = "import sys, kiosk.contract, kiosk.wire; print({'httpx', 'jwt', 'ssl', 'cryptography'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "set()"
