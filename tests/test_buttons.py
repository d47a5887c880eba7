"""hardware.buttons: buttons on GPIO lines and the simulated ones keep one contract."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from hardware.buttons import GpioButtons, SimulatedButtons, Wiring
from hardware.ports import ButtonsLost
from tests.contracts.buttons import PATIENCE_SECONDS, ButtonsBench, ButtonsContract, listening
from tests.kernel import PI_4, Kernel, boot_with

WIRINGS = {"in": Wiring(chip=None, line=5), "out": Wiring(chip=None, line=6)}


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    return boot_with(PI_4, tmp_path, monkeypatch)


@pytest.fixture
def metal(kernel: Kernel) -> Iterator[GpioButtons]:
    """Two buttons; whatever the test left open is closed."""
    buttons = GpioButtons(WIRINGS, devices=kernel.devices)
    yield buttons
    buttons.close()


class TestGpioKeepsTheContract(ButtonsContract):
    @pytest.fixture
    def bench(self, kernel: Kernel, metal: GpioButtons) -> ButtonsBench:
        return ButtonsBench(buttons=metal, press=lambda name: kernel.requests[0].pull(WIRINGS[name].line))


class TestSimulatedKeepsTheContract(ButtonsContract):
    @pytest.fixture
    def bench(self) -> ButtonsBench:
        buttons = SimulatedButtons({"in", "out"})
        return ButtonsBench(buttons=buttons, press=buttons.press)


def test_buttons_may_be_on_several_chips(kernel: Kernel) -> None:
    """Each chip is asked for its own lines, once, and presses of both are told."""
    wirings = {**WIRINGS, "break": Wiring(chip="raspberrypi-exp-gpio", line=3, active_low=False)}
    buttons = GpioButtons(wirings, devices=kernel.devices)
    assert [set(request.config) for request in kernel.requests] == [{5, 6}, {3}]
    with listening(buttons) as told:
        kernel.requests[1].pull(3)
        assert told.get(timeout=PATIENCE_SECONDS).name == "break"
        kernel.requests[0].pull(5)
        assert told.get(timeout=PATIENCE_SECONDS).name == "in"
    assert all(request.released for request in kernel.requests)


@pytest.mark.parametrize(
    "refusal", [PermissionError(13, "Permission denied"), OSError(16, "Device or resource busy"), ValueError("out of range")]
)
def test_lines_that_are_refused_are_told_with_what_to_do(refusal: Exception, kernel: Kernel) -> None:
    """Whoever wired it wrong reads where to look; what was got before is given back."""
    first = GpioButtons({"in": WIRINGS["in"]}, devices=kernel.devices)
    first.close()
    kernel.refusal = refusal
    with pytest.raises(ButtonsLost) as caught:
        GpioButtons(WIRINGS, devices=kernel.devices)
    for words in (str(refusal), "[[button]]", "gpioinfo", "group gpio"):
        assert words in str(caught.value)


def test_a_second_chip_that_is_missing_gives_the_first_one_back(kernel: Kernel) -> None:
    """Half a panel is none, and the next try finds its lines free."""
    with pytest.raises(ButtonsLost, match="labelled"):
        GpioButtons({**WIRINGS, "break": Wiring(chip="pinctrl-typo", line=3)}, devices=kernel.devices)
    assert [request.released for request in kernel.requests] == [True]


def test_a_kernel_that_takes_the_lines_away_is_told(kernel: Kernel, metal: GpioButtons) -> None:
    """An error while listening ends these buttons, and their lines are given back."""
    kernel.requests[0].fail_with = OSError(19, "No such device")
    kernel.requests[0].pull(5)
    with pytest.raises(ButtonsLost, match="No such device"):
        next(metal.presses(Event()))
    assert kernel.requests[0].released


def test_a_stop_that_was_before_tells_nothing(kernel: Kernel, metal: GpioButtons) -> None:
    """What is pressed while the box ends comes to nothing."""
    stop = Event()
    stop.set()
    kernel.requests[0].pull(5)
    assert list(metal.presses(stop)) == []
    simulated = SimulatedButtons({"in"})
    simulated.press("in")
    assert list(simulated.presses(stop)) == []


def test_there_is_no_pressing_a_button_that_is_not_there() -> None:
    """The stand-in refuses what no finger can do."""
    with pytest.raises(ValueError, match="no such button"):
        SimulatedButtons({"in"}).press("out")


def test_the_library_is_loaded_only_by_a_box_with_buttons() -> None:
    """Importing what might be needed costs nothing."""
    program = "import sys; import hardware.buttons; print('gpiod' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"
