from __future__ import annotations

import json
from pathlib import Path

from kiosk.doctor.masking import masked, masks
from tests.configs import change, read

TEXT = change(
    ('name = "Wetstraat 16"', 'name = "Kanarievogel & Zoon"'),
    (
        "[employer]",
        '[site.address]\npost_code = "1000"\nmunicipality = "Brussel"\nstreet = "Wetstraat"\nhouse_number = "16"\n\n[employer]',
    ),
    (
        'number = "1Y1003SQ5VSSZ"',
        'number = "1Y1003SQ5VSSZ"\nname = "Offices"\nurl = "https://www.example.org/d"\nvalid_until = 2026-12-31',
    ),
    ('client_id = "box-1"', 'client_id = "self_service_expeditor_123456"'),
    ('driver = "simulated"', 'driver = "simulated"\nmatch = "ACR122"'),
)
TEXT += '\n[[credential]]\nforeign_vat_number = "NL123456789B01"\nclient_id = "abc"\nprivate_key = "client.key.pem"\n'


def test_what_support_needs_is_kept(tmp_path: Path) -> None:
    """Figures, choices, days, addresses of the service, names of readers; of files the name only."""
    found = json.loads(json.dumps(masked(read(tmp_path, TEXT))))
    assert found["service"]["api_url"] == "https://localhost:8443/api"
    assert found["service"]["private_key"] == "client.key.pem"
    assert found["service"]["batch_size"] == 100
    assert found["service"]["certificate"] is None
    assert found["service"]["paths"]["search"] == "/presenceRegistrations/search"
    assert found["readers"][0] | {"declaration": None} == {
        "name": "gate",
        "driver": "simulated",
        "match": "ACR122",
        "direction": "toggle",
        "format": "hex",
        "declaration": None,
    }
    assert found["declarations"][0]["valid_until"] == "2026-12-31"
    assert found["site"]["time_zone"] == "Europe/Brussels"


def test_what_is_nobody_elses_business_is_masked(tmp_path: Path) -> None:
    """Who and where: last characters of numbers, whole degrees, and for every other text only that it is set."""
    found = masked(read(tmp_path, TEXT))
    site = found["site"]
    assert isinstance(site, dict)
    assert (site["name"], site["latitude"], site["longitude"]) == ("(set)", 51.0, 4.0)
    assert set(site["address"].values()) == {"(set)", None}
    text = json.dumps(found)
    for secret in (
        "Kanarievogel",
        "Wetstraat",
        "50.8",
        "0206731645",
        "1Y1003SQ5VSSZ",
        "NL123456789B01",
        "expeditor",
        "example.org",
        "Offices",
    ):
        assert secret not in text, secret
    assert '"...645"' in text
    assert '"...456"' in text
    assert '"client_id": "(set)"' in text, "a short id is not shown at all"
    assert str(tmp_path) not in text


def test_messages_are_masked_by_the_same_rules(tmp_path: Path) -> None:
    """What is masked in the configuration is looked for in every message, the longest first; folders have names."""
    config = read(tmp_path, TEXT)
    found = masks(config)
    assert found["0206731645"] == "...645"
    assert found["self_service_expeditor_123456"] == "...456"
    assert found["Kanarievogel & Zoon"] == "(set)"
    assert found[str(tmp_path)] == "<store>", "store and configuration lie in one folder here"
    assert "1000" not in found, "a short text stands for too many other things"
    assert "gate" not in found
    assert list(found) == sorted(found, key=len, reverse=True)
