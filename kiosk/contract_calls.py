"""What each call sends and reads, member by member, and how well each is known: the contract as data.

The encoders in ``kiosk.wire`` and ``kiosk.consultation`` take their names from the same ``Field``; a test keeps what they
really send and what stands here equal. ``kiosk contract show`` prints this, ``kiosk contract diff`` compares it with the
official description (design, section 5; facts, rsz-service, sections 1.3 to 3).
"""

from __future__ import annotations

from typing import Final

from kiosk.contract import (
    ADDRESSES,
    CANCEL,
    CONSULT,
    HEALTH,
    MAX_BATCH,
    PAGE_SIZE,
    REGISTER,
    SEARCH,
    Evidence,
    Field,
)
from kiosk.contract_shapes import Authorisation, Call, Figure, Listing, Member, Record, Text, Value


def _known(name: Field, value: Value) -> Member:
    return Member(name=name, value=value, evidence=Evidence.KNOWN)


def _optional(name: Field, value: Value, without: str = "") -> Member:
    return Member(name=name, value=value, needed=False, without=without)


MOMENT: Final = Text(
    samples=("2026-11-22T07:01:05Z",), shortest=20, pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$", format="date-time"
)
#: Belgif's own example, and one of a person born in this century.
SSIN: Final = Text(samples=("53480200724", "01490700185"), shortest=11, longest=11, pattern="^[0-9]{11}$")
DIRECTION: Final = Text(shortest=2, longest=3, choices=("in", "out"))
DECLARATION: Final = Text(samples=("1Y1003SQ5VSSZ", "1Y102M7NZF7PZ"), shortest=13, longest=13, pattern="^[A-HJ-NP-Z0-9]{13}$")
#: What the service counts with: more than this no JSON number keeps exactly everywhere.
NUMBER: Final = Figure(whole=True, low=1, high=2**53 - 1)
EMPLOYER: Final = Record(
    members=(
        _known(
            Field.ENTERPRISE_NUMBER,
            Text(samples=("0206731645", "1009237290"), shortest=10, longest=10, pattern="^[01][0-9]{9}$"),
        ),
        _known(
            Field.FOREIGN_VAT_NUMBER,
            Text(samples=("NL123456789B01", "FR12345678901"), shortest=4, longest=20, pattern="^[A-Z]{2}[0-9A-Z+*]{2,18}$"),
        ),
    ),
    one_of=frozenset({Field.ENTERPRISE_NUMBER, Field.FOREIGN_VAT_NUMBER}),
)
COORDINATES: Final = Record(
    members=(
        _known(Field.LONGITUDE, Figure(whole=False, low=-180, high=180)),
        _known(Field.LATITUDE, Figure(whole=False, low=-90, high=90)),
    )
)
ADDRESS: Final = Record(
    members=(
        _known(Field.POST_CODE, Text(samples=("1000", "9800"))),
        _known(Field.MUNICIPALITY, Text(samples=("Brussel", "Saint-Gilles"), longest=100)),
        _known(Field.STREET, Text(samples=("Wetstraat", "Rue de l'Église"), longest=200)),
        _known(Field.HOUSE_NUMBER, Text(samples=("16", "16A"))),
        Member(name=Field.BOX_NUMBER, value=Text(samples=("3", "B12")), evidence=Evidence.KNOWN, needed=False),
    )
)
PLACE: Final = Record(
    members=(_known(Field.COORDINATES, COORDINATES), _known(Field.ADDRESS, ADDRESS)),
    one_of=frozenset({Field.COORDINATES, Field.ADDRESS}),
)
ITEM: Final = (
    _known(Field.REGISTRATION_DATE, MOMENT),
    _known(Field.SSIN, SSIN),
    _known(Field.TYPE, DIRECTION),
    _known(Field.EMPLOYER, EMPLOYER),
    _known(Field.PLACE_OF_WORK, PLACE),
    _known(Field.DECLARATION, DECLARATION),
)

#: An open set: only ``pending`` is known.
VALIDITY: Final = Member(
    name=Field.VALIDITY,
    value=Text(),
    evidence=Evidence.KNOWN,
    needed=False,
    without="every registration would stay pending here, and no bad news would be told",
)
REMARKS: Final = Member(
    name=Field.REMARKS,
    value=Listing(of=Text()),
    evidence=Evidence.KNOWN,
    needed=False,
    without="what the service remarks would not be told",
)
#: A refused item has no shape that is known, so every usual place is looked at.
REFUSAL: Final = Record(
    members=tuple(
        _optional(name, value)
        for name, value in (
            (Field.ISSUES, Listing(of=Record(members=(_optional(Field.TYPE, Text()), _optional(Field.CODE, Text()))))),
            (Field.PROBLEM, Record(members=(_optional(Field.TYPE, Text()),))),
            (Field.REMARKS, Listing(of=Text())),
            (Field.CODE, Text()),
            (Field.TYPE, Text()),
        )
    ),
    some_of=frozenset({Field.ISSUES, Field.PROBLEM, Field.REMARKS, Field.CODE, Field.TYPE}),
    without="the reason of a refusal would not be told",
)
#: RFC 9457 as Belgif has it; what is not said so is judged by its status alone.
PROBLEM: Final = Record(members=(_known(Field.TYPE, Text()),))
#: ``issues`` is what Belgif has now, ``invalidParams`` what it had before; either names the item.
BAD_REQUEST: Final = Record(
    members=(
        *PROBLEM.members,
        _optional(Field.ISSUES, Listing(of=Record(members=(_known(Field.NAME, Text()), _optional(Field.TYPE, Text()))))),
        _optional(Field.INVALID_PARAMS, Listing(of=Record(members=(_known(Field.NAME, Text()),)))),
    ),
    some_of=frozenset({Field.ISSUES, Field.INVALID_PARAMS}),
    without="a refused item could not be told from the others by its name: calls would be halved to find it",
)

_SERVED: Final = (
    *(member for member in ITEM if member.name is not Field.PLACE_OF_WORK),
    Member(name=Field.ID, value=NUMBER),
    _optional(Field.PLACE_OF_WORK, PLACE, "where it was made would not be shown"),
    _optional(Field.CREATION_DATE, MOMENT, "when the service took it would not be shown"),
    VALIDITY,
    REMARKS,
)
_FINDING: Final = Record(members=(VALIDITY, REMARKS, _optional(Field.VALIDATION_DATE, MOMENT, "findings would be shown undated")))


def _either(done: Field, refused: Field, outcome: Record) -> Record:
    item = Record(members=(_known(done, outcome), _known(refused, REFUSAL)), one_of=frozenset({done, refused}))
    return Record(members=(_known(Field.ITEMS, Listing(of=item)),))


def _register(batch: int) -> Call:
    return Call(
        name="register",
        operation=REGISTER,
        request=Record(members=(_known(Field.ITEMS, Listing(of=Record(members=ITEM), most=batch)),)),
        answer=_either(Field.CREATED, Field.NOT_CREATED, Record(members=(_known(Field.ID, NUMBER), VALIDITY, REMARKS))),
        refused="the service would refuse the registrations",
        unread="no answer would settle a registration: each would be unknown, and looked up before anything is sent again",
    )


def _search(page_size: int) -> Call:
    return Call(
        name="search",
        operation=SEARCH,
        request=Record(
            members=(
                Member(name=Field.FROM, value=MOMENT),
                Member(name=Field.TO, value=MOMENT),
                _optional(Field.SSIN, SSIN),
                _optional(Field.EMPLOYER, EMPLOYER),
                _optional(Field.DECLARATION, DECLARATION),
                Member(name=Field.PAGE, value=Figure(whole=True, low=1, high=200)),
                Member(name=Field.PAGE_SIZE, value=Figure(whole=True, low=page_size, high=page_size)),
            )
        ),
        answer=Record(
            members=(
                Member(name=Field.ITEMS, value=Listing(of=Record(members=_SERVED))),
                _optional(Field.TOTAL, Figure(whole=True, low=0, high=2**53 - 1), "pages would be read until one is short"),
                _optional(
                    Field.PAGE_SIZE, Figure(whole=True, low=1, high=2**53 - 1), "pages would be read until nothing new comes"
                ),
            )
        ),
        refused="nothing could be looked up: what is unknown would stay so, each with a task, and no day could be reconciled",
        unread="nothing could be looked up: what is unknown would wait for ever, and no day could be reconciled",
    )


def _cancel(batch: int) -> Call:
    return Call(
        name="cancel",
        operation=CANCEL,
        request=Record(
            members=(
                Member(name=Field.ITEMS, value=Listing(of=Record(members=(Member(name=Field.ID, value=NUMBER),)), most=batch)),
            )
        ),
        answer=_either(Field.CANCELLED, Field.NOT_CANCELLED, Record(members=(_optional(Field.ID, NUMBER),))),
        refused="nothing accepted could be cancelled from here",
        unread="a cancellation would not be seen to be done, and would be asked for again",
    )


_CONSULT_CALL: Final = Call(
    name="consult",
    operation=CONSULT,
    request=None,
    answer=Record(
        members=(
            *_SERVED,
            _optional(Field.HISTORY, Listing(of=_FINDING), "the history of a registration would not be shown"),
        )
    ),
    refused="no registration could be looked at by its id",
    unread="a registration looked at by its id would not be understood",
)
_ADDRESSES_CALL: Final = Call(
    name="addresses",
    operation=ADDRESSES,
    request=Record(members=(Member(name=Field.COORDINATES, value=COORDINATES),)),
    answer=Record(members=(Member(name=Field.ITEMS, value=Listing(of=ADDRESS)),)),
    refused="the coordinates of a site could not be confirmed by an address; nothing else hangs on it",
    unread="the addresses of a site would not be understood; nothing else hangs on it",
)
_HEALTH_CALL: Final = Call(
    name="health",
    operation=HEALTH,
    request=None,
    answer=Record(members=(Member(name=Field.STATUS, value=Text(choices=("UP", "DEGRADED", "DOWN"))),)),
    refused="the service could not be asked how it is; nothing else hangs on it",
    unread="how the service is would not be understood; nothing else hangs on it",
    token=False,
)


def calls(batch: int = MAX_BATCH, page_size: int = PAGE_SIZE) -> tuple[Call, ...]:
    """Every call of the client.

    Args:
        batch: The most items sent in one call, 1 or more.
        page_size: Registrations asked for in one page of a search, 1 or more.
    """
    return (_register(batch), _search(page_size), _CONSULT_CALL, _cancel(batch), _ADDRESSES_CALL, _HEALTH_CALL)


AUTHORISATION: Final = Authorisation(
    form=("grant_type", "client_assertion_type", "client_assertion"),
    claims=("iss", "sub", "aud", "jti", "iat", "exp"),
    answer=("access_token", "token_type", "expires_in"),
    scopes=None,
    evidence=Evidence.KNOWN,
)
