"""hardware.indicator: GPIO lamps, the recording stand-in and the box without lamps keep one contract."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from gpiod.line import Direction, Value

from hardware.indicator import GpioIndicator, NullIndicator, RecordingIndicator, Shown, StoryLines, open_indicator
from hardware.ports import Indicator
from tests.contracts.indicator import DARK, GREEN, RED, IndicatorBench, IndicatorContract, LampContract, State, pattern
from tests.contracts.waiting import eventually
from tests.kernel import PI_4, FakeRequest, Kernel, boot_with

LINES = {"green": 17, "red": 27, "white": 22, "buzzer": 23}


def states(request: FakeRequest) -> list[State]:
    """Tell what was lit, by the wiring of ``LINES``, each change once."""
    told: list[State] = []
    for values in request.history:
        on = {name for name, offset in LINES.items() if values.get(offset) is Value.ACTIVE}
        state = (frozenset(on - {"buzzer"}), "buzzer" in on)
        if told[-1:] != [state]:
            told.append(state)
    return told


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return boot_with(PI_4, tmp_path, monkeypatch)


def closing(indicator: Indicator, bench: IndicatorBench) -> Iterator[IndicatorBench]:
    """Hand over a bench and close its indicator after the test."""
    yield bench
    indicator.close()


class TestGpioKeepsTheContract(LampContract):
    @pytest.fixture
    def bench(self, kernel: Kernel) -> Iterator[IndicatorBench]:
        indicator = open_indicator(chip=None, lines=LINES, devices=kernel.devices)
        assert isinstance(indicator, GpioIndicator)
        yield from closing(indicator, IndicatorBench(indicator=indicator, story=lambda: states(kernel.requests[0])))


class TestRecordingKeepsTheContract(LampContract):
    @pytest.fixture
    def bench(self) -> Iterator[IndicatorBench]:
        indicator = RecordingIndicator()
        bench = IndicatorBench(indicator=indicator, story=lambda: [(shown.light, shown.sound) for shown in indicator.story])
        yield from closing(indicator, bench)


class TestNullKeepsTheContract(IndicatorContract):
    @pytest.fixture
    def bench(self) -> IndicatorBench:
        return IndicatorBench(indicator=NullIndicator(), story=None)


def test_lines_are_requested_dark_as_outputs(kernel: Kernel) -> None:
    """No lamp flashes while the box starts: the lines are asked for as outputs that are off."""
    open_indicator(chip=None, lines=LINES, devices=kernel.devices).close()
    config = kernel.requests[0].config
    assert set(config) == set(LINES.values())
    for settings in config.values():
        assert settings is not None
        assert (settings.direction, settings.output_value, settings.active_low) == (Direction.OUTPUT, Value.INACTIVE, False)


def test_active_low_is_left_to_the_kernel(kernel: Kernel) -> None:
    """Lamps that light on a low level are told so to the kernel, which turns the values round."""
    open_indicator(chip=None, lines={"green": 17}, active_low=True, devices=kernel.devices).close()
    settings = kernel.requests[0].config[17]
    assert settings is not None
    assert settings.active_low is True


def test_only_the_wired_lines_are_touched(kernel: Kernel) -> None:
    """A box with two lamps and no buzzer sets those two lines, and shows white with both."""
    indicator = open_indicator(chip=None, lines={"green": 17, "red": 27, "white": None}, devices=kernel.devices)
    indicator.play(pattern((frozenset({"white"}), True), each_ms=60_000))
    request = kernel.requests[0]
    assert eventually(lambda: request.history[-1:] == [{17: Value.ACTIVE, 27: Value.ACTIVE}])
    indicator.close()
    assert request.history[-1] == {17: Value.INACTIVE, 27: Value.INACTIVE}
    assert request.released


@pytest.mark.parametrize(
    "refusal",
    [
        PermissionError(13, "Permission denied"),
        OSError(16, "Device or resource busy"),
        ValueError("line offset of out range"),
        NotImplementedError("Operation not supported"),
    ],
)
def test_refused_lines_leave_a_box_without_lamps_and_one_clear_message(
    refusal: Exception, kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    """A lamp that can't be opened never stops the box; one message says which lines, why, and what to do."""
    kernel.refusal = refusal
    with caplog.at_level(logging.DEBUG):
        indicator = open_indicator(chip=None, lines=LINES, devices=kernel.devices)
    assert isinstance(indicator, NullIndicator)
    assert indicator.alive is False
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    for words in ("pinctrl-", "green 17", "buzzer 23", str(refusal), "group gpio", "/dev/gpiochip", "[indicator]"):
        assert words in record.getMessage()


def test_two_lamps_on_one_line_are_refused(kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    """A line that is named twice would show nonsense, so it shows nothing and says why."""
    indicator = open_indicator(chip=None, lines={"green": 17, "red": 17}, devices=kernel.devices)
    assert isinstance(indicator, NullIndicator)
    assert "same" in caplog.text
    assert not kernel.requests


def test_an_unknown_label_is_told(kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    """A label that no chip has leaves no light, and the message repeats it."""
    assert isinstance(open_indicator(chip="pinctrl-typo", lines=LINES, devices=kernel.devices), NullIndicator)
    assert "pinctrl-typo" in caplog.text


def test_a_box_without_wired_lamps_opens_nothing(kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    """Who wired nothing gets no warning and no open device."""
    with caplog.at_level(logging.INFO):
        indicator = open_indicator(chip=None, lines={"green": None, "red": None}, devices=kernel.devices)
    assert isinstance(indicator, NullIndicator)
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert kernel.opened == []


@pytest.mark.parametrize("chip", ["/dev/null", "/dev/gpiochip-that-is-not-there"])
def test_the_real_library_refuses_what_is_no_chip(chip: str, caplog: pytest.LogCaptureFixture) -> None:
    """Up to the kernel's door nothing is played: gpiod itself refuses, and the box goes on without lamps."""
    assert isinstance(open_indicator(chip=chip, lines=LINES), NullIndicator)
    assert chip in caplog.text


def test_the_real_library_is_asked_which_devices_are_chips(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A plain file of that name is no chip for gpiod, so none is found."""
    (tmp_path / "gpiochip0").touch()
    assert isinstance(open_indicator(chip=None, lines=LINES, devices=tmp_path), NullIndicator)
    assert "none of the 0 GPIO chips" in caplog.text


@pytest.mark.parametrize(
    "error", [OSError(19, "No such device"), ValueError(22, "Invalid argument"), NotImplementedError("Operation not supported")]
)
def test_lines_that_fail_while_playing_leave_it_dead(error: Exception, kernel: Kernel, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever gpiod raises while a pattern is played, the tap hears nothing of it and the log hears it once."""
    indicator = open_indicator(chip=None, lines=LINES, devices=kernel.devices)
    assert indicator.alive
    kernel.requests[0].fail_with = error
    indicator.play(pattern((GREEN, True), (RED, True)))
    assert eventually(lambda: not indicator.alive)
    indicator.play(pattern((GREEN, True)))
    indicator.close()
    assert len(caplog.records) == 1
    assert kernel.requests[0].released


def test_the_library_is_loaded_only_by_a_box_with_lamps() -> None:
    """Who has no lamps pays nothing for gpiod."""
    imported = "import sys; from hardware.indicator import open_indicator"
    program = f"{imported}; open_indicator(chip=None, lines={{}}); print('gpiod' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


def test_the_story_has_moments_of_boot_time() -> None:
    """Every state of the story carries the boot clock, so that it can be compared with the tap and the commit."""
    moments = iter(range(100, 1000))
    indicator = RecordingIndicator(clock=lambda: next(moments))
    indicator.play(pattern((GREEN, True), (GREEN, True), (GREEN, False)))
    assert eventually(lambda: [shown.light for shown in indicator.story][-1:] == [DARK] and len(indicator.story) >= 3)
    indicator.close()
    story = indicator.story
    assert [(shown.light, shown.sound) for shown in story if shown.light] == [(GREEN, True), (GREEN, False)]
    assert [shown.boot_ns for shown in story] == sorted(shown.boot_ns for shown in story)


def test_the_stand_in_treats_a_missing_lamp_as_metal_does() -> None:
    """A recorded box without a white lamp shows white as green and red together."""
    indicator = RecordingIndicator(lamps=frozenset({"green", "red"}))
    indicator.play(pattern((frozenset({"white"}), False), each_ms=60_000))
    assert eventually(lambda: [shown.light for shown in indicator.story][-1:] == [frozenset({"green", "red"})])
    indicator.close()


def test_the_stand_in_refuses_what_metal_refuses() -> None:
    """A lamp that nobody makes and lines that were let go are errors."""
    lines = StoryLines(GREEN, lambda: 1)
    lines.show(GREEN, sound=False)
    with pytest.raises(OSError, match="lamp"):
        lines.show(frozenset({"violet"}), sound=False)
    lines.release()
    with pytest.raises(OSError, match="released"):
        lines.show(GREEN, sound=False)
    assert lines.story == (Shown(boot_ns=1, light=GREEN, sound=False),)


def test_the_story_does_not_grow_without_end() -> None:
    """A box that records for weeks keeps its last thousand states."""
    lines = StoryLines(GREEN, lambda: 1)
    for number in range(1100):
        lines.show(GREEN, sound=number % 2 == 0)
    assert len(lines.story) == 1000
