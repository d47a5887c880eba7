"""What an admin is asked, and how each answer is read.

No answer here is a secret or a personal datum: keys are made, badges and INSZ go to the roster and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kiosk.config_checks import Text, service_url, text, web_address, zone
from kiosk.contract import SIMULATION_API_URL, TOKEN_URL
from kiosk.identifiers import DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber
from kiosk.model import Coordinates
from kiosk.provisioning import KeyKind
from kiosk.site_settings import misplaced

MAKE: Final = "make"
SIMULATED: Final = "simulated"
#: Ends the kept answers of a question that takes several, while more may come.
UNFINISHED: Final = ""
_NUMBER_IN_LINK: Final = re.compile(r"(?<![A-Z0-9])(?=[A-Z]*[0-9])[A-HJ-NP-Z0-9]{13}(?![A-Z0-9])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One thing to ask.

    Attributes:
        key: Its name in a file of answers.
        words: The question.
        read: Checks an answer and returns it as it is kept; raises ``ValueError`` with a sentence.
        default: What an empty answer means; None where one is needed.
        several: Asked again until the answer is empty.
    """

    key: str
    words: str
    read: Callable[[str], str]
    default: str | None = None
    several: bool = False


def read_employer(answer: str) -> Employer:
    """Read an enterprise number or a foreign VAT number; raises ``ValueError``."""
    plain = answer.strip().upper()
    if re.match(r"[A-Z]{2}", plain) and not plain.startswith("BE"):
        return ForeignVatNumber.parse(answer)
    return EnterpriseNumber.parse(answer)


def read_declaration(answer: str) -> tuple[DeclarationNumber, str | None]:
    """Read a declaration's number, or the service's own link with the number in it, which is kept verbatim.

    Raises:
        ValueError: It is neither, or the link holds no number or more than one that could be it.
    """
    if not answer.strip().lower().startswith("https://"):
        return DeclarationNumber.parse(answer), None
    link = web_address(answer.strip())
    found = set(_NUMBER_IN_LINK.findall(link.upper()))
    if len(found) != 1:
        raise ValueError("the number can't be told from this link; give the 13 characters themselves")
    return DeclarationNumber.parse(found.pop()), link


def read_place(answer: str) -> Coordinates:
    """Read ``latitude, longitude`` in decimal degrees; raises ``ValueError``."""
    parts = re.split(r"\s*[,; ]\s*", answer.strip())
    try:
        latitude, longitude = (float(part) for part in parts)
    except ValueError:
        raise ValueError("write latitude and longitude in decimal degrees, for instance 50.8466, 4.3670") from None
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):  # noqa: PLR2004  the globe
        raise ValueError("a latitude lies between -90 and 90, a longitude between -180 and 180")
    if wrong := misplaced(latitude, longitude):
        raise ValueError(f"latitude {wrong}")
    return Coordinates(latitude, longitude)


def kept(parse: Callable[[str], object]) -> Callable[[str], str]:
    """Check an answer by what raises ``ValueError``, and keep it as it was given, without the blanks around it."""

    def read(answer: str) -> str:
        parse(answer.strip())
        return answer.strip()

    return read


def one_of(words: Iterable[str]) -> Callable[[str], str]:
    """Read one of some words, in capitals or not; what it returns raises ``ValueError`` for any other."""
    known = {word.lower(): word for word in words}

    def read(answer: str) -> str:
        word = known.get(answer.strip().lower())
        if word is None:
            raise ValueError(f"write one of: {', '.join(known.values())}")
        return word

    return read


def _file(answer: str) -> str:
    path = Path(answer.strip()).expanduser()
    if not path.is_file():
        raise ValueError("there is no such file")
    return str(path.absolute())


def _bought(answer: str) -> str:
    return MAKE if answer.strip().lower() == MAKE else _file(answer)


#: What a certificate's names may be long (RFC 5280, appendix A.1).
_LONGEST_NAME: Final = 64

COMPANY: Final = Question(
    key="company", words="Your company's name, as it shall stand in the certificate", read=kept(Text(_LONGEST_NAME))
)
CERTIFICATE: Final = Question(
    key="certificate",
    words='Client key and certificate: "make" them here, or the file (.p12, .pfx, .pem) of a pair that was bought',
    read=_bought,
    default=MAKE,
)
KEY: Final = Question(
    key="key",
    words=f"Kind of key ({', '.join(KeyKind)}; RSA is proven with this service, EC is to be proven by `kiosk doctor` first)",
    read=one_of(KeyKind),
    default=KeyKind.RSA_3072,
)
CLIENT_ID: Final = Question(key="client_id", words="The client id that Chaman shows at the end", read=kept(text))
API_URL: Final = Question(
    key="api_url",
    words="Address of the service to train with",
    read=kept(service_url),
    default=SIMULATION_API_URL,
)
TOKEN_ADDRESS: Final = Question(key="token_url", words="Address of the token server", read=kept(service_url), default=TOKEN_URL)
CA_FILE: Final = Question(
    key="ca_file",
    words="File of certificates to trust, PEM (empty: this system's)",
    read=lambda answer: _file(answer) if answer.strip() else "",
    default="",
)
SITE: Final = Question(key="site", words="Name of the site, for screen and reports", read=kept(text))
EMPLOYER: Final = Question(
    key="employer",
    words="Whose workers come here: enterprise number (ten digits), or a foreign VAT number",
    read=kept(read_employer),
)
DECLARATIONS: Final = Question(
    key="declarations",
    words="Declaration of works: its 13 characters, or its link (type, paste, or scan its QR code with a keyboard scanner)",
    read=kept(read_declaration),
    several=True,
)
PLACE: Final = Question(key="coordinates", words="Where the box stands: latitude, longitude", read=kept(read_place))
TIME_ZONE: Final = Question(key="time_zone", words="Time zone", read=kept(zone), default="Europe/Brussels")
READER: Final = Question(
    key="reader",
    words=(
        'Card reader: a part of its name, "any" PC/SC reader, a path of nfcpy (usb, tty:AMA0:pn532), one that types '
        '(/dev/input/by-id/...), or "simulated" (training only)'
    ),
    read=kept(text),
    default="any",
)
DIRECTION: Final = Question(
    key="direction",
    words="This reader is for (in, out, or toggle: both, by turns)",
    read=one_of(("toggle", "in", "out")),
    default="toggle",
)
#: Answered by yes or no, in a file of answers as true or false.
FIRST_REGISTRATION: Final = "first_registration"
ASSUME_CLOCK: Final = "assume_clock"
QUESTIONS: Final = (
    COMPANY, CERTIFICATE, KEY, CLIENT_ID, API_URL, TOKEN_ADDRESS, CA_FILE, SITE, EMPLOYER, DECLARATIONS, PLACE, TIME_ZONE,
    READER, DIRECTION,
)  # fmt: skip
