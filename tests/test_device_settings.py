"""kiosk.device_settings: lamps and buttons as values; tests/test_settings.py compares all keys with the reference file."""

from __future__ import annotations

from kiosk.device_settings import Button, Indicator


def test_only_what_is_wired_has_a_line() -> None:
    """A lamp that is left out is no line 0."""
    assert Indicator(green=0, buzzer=23).lines == {"green": 0, "buzzer": 23}
    assert Indicator(red=1, green=2, blue=3).lines == {"green": 2, "red": 1, "blue": 3}
    assert Indicator().lines == {}


def test_a_button_pulls_to_ground_unless_it_is_told_otherwise() -> None:
    """The wiring that needs no second supply."""
    button = Button(name="leave", line=5)
    assert (button.active_low, button.press, button.declaration, button.reader) == (True, None, None, None)
