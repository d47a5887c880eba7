"""hardware.gpio finds the chip by its label, asks for lines as they must be, and lets no error of gpiod through."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from gpiod.line import Bias, Direction, Edge, Value

from hardware.gpio import InputLines, OutputLines, chip_path
from tests.kernel import PI_4, PI_5_OLD_KERNEL, Kernel, boot_with


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return boot_with(PI_4, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("chips", "wanted", "expected"),
    [
        (PI_4, None, "gpiochip0"),
        (PI_4, "raspberrypi-exp-gpio", "gpiochip1"),
        (PI_5_OLD_KERNEL, None, "gpiochip4"),
        (PI_5_OLD_KERNEL, "pinctrl-later", "gpiochip10"),
        (PI_5_OLD_KERNEL, "/dev/gpiochip7", "gpiochip7"),
    ],
)
def test_the_chip_is_found_by_its_label(
    chips: dict[str, str], wanted: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The header's chip is found under whatever number the kernel gave it, unless a path or label is told."""
    boot_with(chips, tmp_path, monkeypatch)
    assert Path(chip_path(wanted, tmp_path)).name == expected


def test_a_label_that_no_chip_has_is_an_error(kernel: Kernel) -> None:
    """It is told how many chips there were."""
    with pytest.raises(OSError, match="none of the 2 GPIO chips"):
        chip_path("pinctrl-typo", kernel.devices)


def test_a_button_is_held_against_what_it_pulls_to(kernel: Kernel) -> None:
    """A button to ground has its line held up and counts when it falls, the other kind the other way round; both are debounced."""
    lines = InputLines("/dev/gpiochip0", {"in": 5, "out": 6}, active_low={"in"})
    found = kernel.requests[0].config
    assert [
        (each.direction, each.edge_detection, each.bias, each.active_low, each.debounce_period)
        for each in (found[5], found[6])
        if each is not None
    ] == [
        (Direction.INPUT, Edge.RISING, Bias.PULL_UP, True, timedelta(milliseconds=20)),
        (Direction.INPUT, Edge.RISING, Bias.PULL_DOWN, False, timedelta(milliseconds=20)),
    ]
    lines.release()
    assert kernel.requests[0].released


def test_what_was_pulled_is_told_by_name_and_moment(kernel: Kernel) -> None:
    """The kernel keeps each press with its time until it is read."""
    lines = InputLines("/dev/gpiochip0", {"in": 5, "out": 6}, active_low=set())
    assert lines.fileno() == kernel.requests[0].fd
    kernel.requests[0].pull(6, 17)
    assert lines.pulled() == [("out", 17)]
    lines.release()


@pytest.mark.parametrize("error", [ValueError(22, "Invalid argument"), NotImplementedError("Operation not supported")])
def test_no_refusal_of_the_library_gets_through(error: Exception, kernel: Kernel) -> None:
    """However gpiod says no, whoever uses lines meets an OSError."""
    lines = OutputLines("/dev/gpiochip0", {"green": 17}, active_low=False)
    buttons = InputLines("/dev/gpiochip0", {"in": 5}, active_low=set())
    for request in kernel.requests:
        request.fail_with = error
    with pytest.raises(OSError, match=str(error.args[-1])):
        lines.switch({"green"})
    assert kernel.requests[0].history == []
    kernel.requests[1].pull(5)
    with pytest.raises(OSError, match=str(error.args[-1])):
        buttons.pulled()
    for each in (lines, buttons):
        each.release()
    kernel.refusal = error
    with pytest.raises(OSError, match=str(error.args[-1])):
        OutputLines("/dev/gpiochip0", {"green": 17}, active_low=False)
    with pytest.raises(OSError, match=str(error.args[-1])):
        InputLines("/dev/gpiochip0", {"in": 5}, active_low=set())


def test_what_is_switched_on_is_active_and_all_else_is_not(kernel: Kernel) -> None:
    """Every requested line is set each time."""
    lines = OutputLines("/dev/gpiochip0", {"green": 17, "red": 27}, active_low=False)
    lines.switch({"red"})
    assert kernel.requests[0].history == [{17: Value.INACTIVE, 27: Value.ACTIVE}]
    lines.release()


@pytest.mark.parametrize("path", ["/dev/null", "/dev/gpiochip-that-is-not-there"])
def test_the_real_library_refuses_what_is_no_chip(path: str) -> None:
    """Up to the kernel's door nothing is played."""
    with pytest.raises(OSError, match=r"."):
        InputLines(path, {"in": 5}, active_low=set())
