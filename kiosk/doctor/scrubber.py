"""Takes out of a text what looks like a person, a badge, a key or a token, and what the configuration masks; pure.

It is the second net: what goes into the bundle is chosen so that nothing of the kind is in it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_GONE: Final = "#"
#: Days and times are kept: the figures of a date would pass for a badge number.
_KEPT: Final = r"(?P<kept>\b20\d\d-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?Z?)?)"
_SECRETS: Final = (
    r"-----BEGIN [A-Z ]+-----.*?(?:-----END [A-Z ]+-----|\Z)",
    # A JSON Web Token, also one that was cut off.
    r"eyJ[\w-]{4,}(?:\.[\w-]*){0,2}",
    # An INSZ in any spelling, and every longer number.
    r"(?<!\d)\d(?:[ ./-]?\d){10,}",
    # A badge number: four bytes or more in hexadecimal.
    r"(?<![0-9A-Za-z])[0-9A-Fa-f]{2}(?:[: -]?[0-9A-Fa-f]{2}){3,}(?![0-9A-Za-z])",
    # A key or a token in base64.
    r"[A-Za-z0-9+/_-]{32,}={0,2}",
    # Whose box it is shows in his home.
    r"/(?:home|Users)/[^/\s'\"),]+",
)
_FIND: Final = re.compile("|".join((_KEPT, *_SECRETS)), re.DOTALL)


class Scrubber:
    """Cleans texts and JSON values.

    Args:
        masks: What stands for each text that is known beforehand, the longest first.
    """

    def __init__(self, masks: Mapping[str, str]) -> None:
        self._masks = masks

    def text(self, text: str) -> str:
        """Clean one text."""
        for known, mask in self._masks.items():
            text = text.replace(known, mask)
        return _FIND.sub(lambda found: found["kept"] or _GONE, text)

    def value(self, value: object) -> object:
        """Clean every text in a JSON value, names of fields too."""
        match value:
            case str():
                return self.text(value)
            case list():
                return [self.value(each) for each in value]
            case dict():
                return {self.text(str(name)): self.value(each) for name, each in value.items()}
            case _:
                return value
