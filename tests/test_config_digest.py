"""kiosk.config_digest names the keys of a configuration that were changed, and keeps no value."""

from __future__ import annotations

from pathlib import Path

from kiosk.config_digest import changed, digests
from tests.configs import MINIMAL, change, read


def test_the_keys_that_changed_are_named(tmp_path: Path) -> None:
    """A value, a key that is new and a table that is new are told by their names; all others are as before."""
    before = digests(read(tmp_path))
    text = change(("latitude = 50.8466", "latitude = 50.9"), ('driver = "simulated"', 'driver = "simulated"\ndirection = "in"'))
    after = digests(read(tmp_path, text + '\n[[reader]]\nname = "back"\ndriver = "simulated"\n'))
    assert changed(before, before) == []
    names = changed(before, after)
    assert {"site.latitude", "readers.1.direction", "readers.2.name"} <= set(names)
    assert all(name.startswith(("site.latitude", "readers")) for name in names)


def test_no_value_is_in_it(tmp_path: Path) -> None:
    """What is kept are digests: neither names nor numbers of the configuration, nor where it lies."""
    kept = repr(digests(read(tmp_path)))
    assert "Wetstraat" not in kept
    assert "0206731645" not in kept
    assert str(tmp_path) not in kept


def test_the_place_of_the_configuration_is_no_change(tmp_path: Path) -> None:
    """A box whose files were moved as they are has the same configuration but for the paths it names."""
    (tmp_path / "other").mkdir()
    names = changed(digests(read(tmp_path)), digests(read(tmp_path / "other", MINIMAL)))
    assert set(names) == {"service.private_key", "store.path", "store.key_file", "control.socket"}
