"""kiosk.provision.template fills the reference in, so that what provision writes and what is explained are one text."""

from __future__ import annotations

import tomllib

import pytest

from kiosk.provision.template import filled, reference, replaced, silenced

SECTIONS = {
    "site": [{"name": '"A"', "latitude": "50.8", "longitude": "4.3"}],
    "employer": [{"foreign_vat_number": '"NL123456789B01"'}],
    "declaration": [{"number": '"1Y1003SQ5VSSZ"'}, {"number": '"1Y102M7NZF7PZ"', "url": '"https://x/"'}],
    "service": [{"api_url": '"https://x/"'}],
}


def test_only_what_was_given_is_in_use() -> None:
    """Sections and keys that were given stand there; every other setting stands behind a mark, with its explanation."""
    text = filled(SECTIONS)
    assert tomllib.loads(text) == {
        "site": {"name": "A", "latitude": 50.8, "longitude": 4.3},
        "employer": {"foreign_vat_number": "NL123456789B01"},
        "declaration": [{"number": "1Y1003SQ5VSSZ"}, {"number": "1Y102M7NZF7PZ", "url": "https://x/"}],
        "service": {"api_url": "https://x/"},
    }
    comments = [line for line in reference().splitlines() if line.startswith("# ")]
    assert [line for line in text.splitlines() if line.startswith("# ")] == comments
    assert "#max_shift_hours = 14" in text
    assert "#[[reader]]" in text


def test_nothing_given_is_a_file_without_settings() -> None:
    """The reference with every line behind its mark."""
    assert tomllib.loads(filled({})) == {}


def test_a_value_is_replaced_in_an_admins_own_file() -> None:
    """Comments, order and the same key of other sections stay."""
    text = (
        '# mine\n[site]\napi_url = 1\n\n[service]  # here\n  api_url="old" # the old one\nclient_id = "x"\n[store]\napi_url = 2\n'
    )
    changed = replaced(text, "service", "api_url", '"new"')
    assert changed == text.replace('  api_url="old" # the old one', 'api_url = "new"')
    for section, key in (("service", "ca_file"), ("employer", "api_url")):
        with pytest.raises(LookupError):
            replaced(text, section, key, "1")


def test_one_table_of_several_is_changed() -> None:
    """By its turn; a section of the same name in single brackets is another one."""
    text = "[[credential]]\nk = 1\n[credential]\nk = 0\n[[credential]]\nother = 1\n k = 2\n"
    assert replaced(text, "credential", "k", "9", table=1) == text.replace(" k = 2", "k = 9")
    assert replaced(text, "credential", "k", "9") == text.replace("k = 0", "k = 9")
    with pytest.raises(LookupError):
        replaced(text, "credential", "other", "9", table=0)


def test_keys_that_are_in_use_are_put_behind_a_mark() -> None:
    """Only those of that table; what is behind one already, or not there, stays as it is."""
    text = '[[a]]\nname = "one"\n[[a]]\n  name = "two" # words\n#url = "x"\nnumber = 1\n'
    assert silenced(text, "a", ("name", "url", "other"), table=1) == (
        '[[a]]\nname = "one"\n[[a]]\n#name = "two" # words\n#url = "x"\nnumber = 1\n'
    )
