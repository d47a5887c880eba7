"""The buttons of one box with their thread: what is pressed waits for the tap that it is for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from threading import Event

from hardware.buttons import Wiring
from hardware.ports import Buttons, Pressed
from kiosk.device_settings import Button
from kiosk.model import Press
from kiosk.presses import Pending, Presses, Wish
from kiosk.tending import Tended

_log = logging.getLogger(__name__)


class Panel:
    """All buttons; a failure leaves them dead until they can be opened again, and keeps nobody from tapping.

    Args:
        buttons: As configured, at least one.
        build: Opens them; called again after they failed.
        presses: Where what is pressed waits.
        shown: Told what was pressed; None for a declaration.
    """

    def __init__(
        self,
        buttons: Sequence[Button],
        build: Callable[[], Buttons],
        presses: Presses,
        shown: Callable[[Press | None], None] = lambda _: None,
    ) -> None:
        self.names = [button.name for button in buttons]
        self._buttons = {button.name: button for button in buttons}
        self._presses = presses
        self._shown = shown
        self._tended: Tended[Buttons, Pressed] = Tended("buttons", ", ".join(self.names), build, _listen, self._note)

    @property
    def ready(self) -> bool:
        """Whether the buttons are open."""
        return self._tended.device is not None

    def run(self, stop: Event) -> None:
        """Take presses until ``stop`` is set."""
        self._tended.run(stop)

    def wake(self) -> None:
        """Make blocked buttons look at ``stop``."""
        self._tended.wake()

    def _note(self, pressed: Pressed) -> None:
        button = self._buttons[pressed.name]
        wish = Wish(press=button.press, declaration=button.declaration)
        self._presses.note(Pending(wish=wish, reader=button.reader, boot_ns=pressed.boot_ns))
        self._shown(button.press)
        _log.info("press", extra={"button": button.name})


def wirings(buttons: Sequence[Button], chip: str | None) -> dict[str, Wiring]:
    """How each button is wired; ``chip`` is the one of ``[indicator]``, for those that name none."""
    return {button.name: Wiring(chip=button.chip or chip, line=button.line, active_low=button.active_low) for button in buttons}


def _listen(buttons: Buttons, stop: Event) -> Iterator[Pressed]:
    return buttons.presses(stop)
