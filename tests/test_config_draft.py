"""kiosk.config_draft reads every section by itself; tests/test_config.py has its mistakes in words."""

from __future__ import annotations

from pathlib import Path

from kiosk.config_checks import converter
from kiosk.config_draft import OPTIONAL, REPEATED, SECTIONS, Draft
from kiosk.settings import Declaration, Reader
from kiosk.site_settings import Site


def test_a_bad_table_among_good_ones_costs_only_itself(tmp_path: Path) -> None:
    """The good ones keep their place in the count, and a section that is missing is noticed."""
    readers = [{"name": "gate", "driver": "pcsc"}, {"name": 3, "driver": "pcsc"}, {"name": "back", "driver": "pcsc"}]
    draft = Draft({"reader": readers, "declaration": {}}, converter(tmp_path))
    keys = [mistake.key for mistake in draft.read()]
    assert "reader[2].name" in keys
    assert {key: reader.name for key, reader in draft.good(Reader).items()} == {"reader[1]": "gate", "reader[3]": "back"}
    assert (draft.has("declaration"), dict(draft.good(Declaration)), draft.has("site"), dict(draft.good(Site))) == (
        True,
        {},
        False,
        {},
    )


def test_what_may_be_left_out_is_no_mistake(tmp_path: Path) -> None:
    """Only the repeated sections that every box needs are asked for."""
    keys = {mistake.key for mistake in Draft({}, converter(tmp_path)).read()}
    assert keys >= REPEATED
    assert not keys & OPTIONAL
    assert set(SECTIONS) > REPEATED | OPTIONAL
