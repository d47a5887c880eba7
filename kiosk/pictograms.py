"""The drawings of the poster, our own, as inline SVG: they say without words where to tap, and what a light looks like."""

from __future__ import annotations

from typing import Final

from hardware.ports import Beat, Pattern

_FRAME: Final = '<svg viewBox="0 0 120 80" class="drawing" role="img" aria-hidden="true">{parts}</svg>'
_LINE: Final = 'fill="none" stroke="#000" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"'
_DOOR: Final = (
    f'<path {_LINE} d="M70 8h34v64H70M{{arrow}}"/><circle cx="22" cy="18" r="9"/>'
    f'<path {_LINE} d="M22 30v22l-9 20M22 52l9 20M8 40h28"/>'
)

#: A badge before the reader's waves.
TAP: Final = _FRAME.format(
    parts=(
        f'<rect {_LINE} x="8" y="20" width="46" height="32" rx="4"/><circle cx="22" cy="32" r="5"/>'
        f'<path {_LINE} d="M34 30h12M34 38h12M16 44h30M64 28q6 8 0 16M72 22q11 14 0 28"/>'
        f'<rect {_LINE} x="86" y="6" width="28" height="68" rx="4"/><circle cx="100" cy="20" r="5"/>'
    )
)
ARRIVE: Final = _FRAME.format(parts=_DOOR.format(arrow="44 40h40m-12-12l12 12l-12 12"))
LEAVE: Final = _FRAME.format(parts=_DOOR.format(arrow="84 40h-40m12-12l-12 12l12 12"))
PHONE: Final = _FRAME.format(
    parts=(
        f'<rect {_LINE} x="40" y="4" width="40" height="72" rx="6"/>'
        f'<path {_LINE} d="M50 18h8v8h-8zM64 18h6M50 36h20M64 26v4M50 46h6M66 46h4M56 66h8"/>'
    )
)
PENCIL: Final = _FRAME.format(
    parts=f'<circle {_LINE} cx="40" cy="42" r="28"/><path {_LINE} d="M40 26v16l12 8M74 66l4-14l28-30l10 9l-28 30z"/>'
)
LOCK: Final = _FRAME.format(
    parts=(
        f'<rect {_LINE} x="36" y="36" width="48" height="38" rx="5"/><path {_LINE} d="M46 36v-12a14 14 0 0 1 28 0v12M60 50v10"/>'
    )
)

#: Which ink stands for which lamps; white is a frame.
_INKS: Final = {frozenset({"green"}): "#18794e", frozenset({"green", "red"}): "#e08600", frozenset({"red"}): "#c1121f"}
_HEIGHT: Final = 14
#: A tap's light and sound take at most so long (``patterns``); every drawing has that width, so that they can be compared.
_LONGEST_MS: Final = 2500


def light(pattern: Pattern) -> str:
    """Draw a light in time, from left to right, as it is in ``patterns``: it can be told without its colour."""
    parts, at = [], 0
    for beat in pattern.beats:
        if beat.light:
            parts.append(_flash(beat, at))
        at += beat.milliseconds
    return f'<svg viewBox="-2 -2 {_LONGEST_MS // 10 + 4} {_HEIGHT + 4}" class="light" aria-hidden="true">{"".join(parts)}</svg>'


def _flash(beat: Beat, at_ms: int) -> str:
    ink = _INKS.get(beat.light, "#fff")
    place = f'x="{at_ms / 10:g}" y="0" width="{beat.milliseconds / 10:g}" height="{_HEIGHT}"'
    # The frame makes white seen, and every colour on a printer that has none.
    return f'<rect {place} fill="{ink}" stroke="#000" stroke-width="1.5"/>'
