"""What is really sent is exactly what the contract's data says, member by member."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk import contract
from kiosk.consultation import (
    decode_addresses,
    decode_cancellation,
    decode_consultation,
    decode_health,
    encode_cancellation,
    encode_place,
)
from kiosk.contract import Evidence, Paths
from kiosk.contract_calls import AUTHORISATION, DECLARATION, EMPLOYER, SSIN, calls
from kiosk.contract_shapes import Call, Figure, Listing, Member, Record, Text, Value
from kiosk.identifiers import DeclarationNumber, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import Address, Coordinates, Direction, Registration, rfc3339
from kiosk.simulator.document import Document, load
from kiosk.site_settings import SiteAddress
from kiosk.verdicts import Query
from kiosk.wire import decode_answer, decode_page, encode_query, encode_registrations
from tests.people import invented_insz

MS = st.integers(0, 4_102_444_800_000)
PLACES = st.builds(Coordinates, st.floats(-90, 90), st.floats(-180, 180))


def text(longest: int) -> st.SearchStrategy[str]:
    return st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs")), min_size=1, max_size=longest)


ADDRESSES = st.builds(
    Address,
    post_code=text(20),
    municipality=text(100),
    street=text(200),
    house_number=text(20),
    box_number=st.none() | text(20),
)
EMPLOYERS = st.sampled_from(
    [EnterpriseNumber.parse("0206731645"), EnterpriseNumber.parse("1009237290"), ForeignVatNumber.parse("NL123456789B01")]
)
DECLARATIONS = st.from_regex(r"[A-HJ-NP-Z0-9]{13}", fullmatch=True).map(DeclarationNumber.parse)
PEOPLE = st.integers(0, 299_999).map(invented_insz)
REGISTRATIONS = st.lists(
    st.builds(
        Registration,
        ssin=PEOPLE,
        direction=st.sampled_from(Direction),
        at_ms=MS,
        employer=EMPLOYERS,
        place=PLACES | ADDRESSES,
        declaration=DECLARATIONS,
    ),
    min_size=1,
    max_size=5,
)
QUERIES = st.builds(
    Query,
    from_ms=MS,
    to_ms=MS,
    ssin=st.none() | PEOPLE.map(lambda person: person.digits),
    employer=st.none() | EMPLOYERS,
    declaration=st.none() | DECLARATIONS,
)
BODIES = {
    "register": REGISTRATIONS.map(encode_registrations),
    "search": st.builds(encode_query, QUERIES, st.integers(1, 200), st.just(contract.PAGE_SIZE)),
    "cancel": st.lists(st.integers(1, 2**53 - 1), min_size=1, max_size=5).map(encode_cancellation),
    "addresses": PLACES.map(encode_place),
}
#: The double's document, and the name of each body's schema in it.
DOUBLE = Document(load("openapi.json"))
SCHEMAS = {
    "register": "RegisterInBulkRequest",
    "search": "SearchRequest",
    "cancel": "CancelInBulkRequest",
    "addresses": "AddressSearchRequest",
}
CALLS = {call.name: call for call in calls()}


def wrong(value: Value, found: Any, where: str = "") -> Iterator[str]:
    """What in a body is not as the data says."""
    match value:
        case Record():
            yield from wrong_members(value, found, where)
        case Listing():
            if not isinstance(found, list) or len(found) > (value.most or 0):
                yield f"{where}: no list, or too long"
            else:
                for element in found:
                    yield from wrong(value.of, element, f"{where}[]")
        case Figure():
            if isinstance(found, bool) or not isinstance(found, int if value.whole else int | float):
                yield f"{where}: no number of this kind"
            elif not value.low <= found <= value.high:
                yield f"{where}: out of range"
        case Text():
            good = isinstance(found, str) and value.shortest <= len(found) <= value.longest and re.search(value.pattern, found)
            if not good or (value.choices and found not in value.choices):
                yield f"{where}: no such text"


def wrong_members(value: Record, found: Any, where: str) -> Iterator[str]:
    names = set(found)
    needed = {member.name.value for member in value.members if member.needed} - value.one_of
    yield from (f"{where}: unknown {name}" for name in names - value.names)
    yield from (f"{where}: lacks {name}" for name in needed - names)
    if value.one_of and len(names & value.one_of) != 1:
        yield f"{where}: not exactly one of {sorted(value.one_of)}"
    for member in value.members:
        if member.name in found:
            yield from wrong(member.value, found[member.name], f"{where}.{member.name}")


def members(value: Value, where: str = "") -> set[str]:
    """The places of everything that the data describes."""
    match value:
        case Record():
            return {f"{where}.{member.name}" for member in value.members} | {
                place for member in value.members for place in members(member.value, f"{where}.{member.name}")
            }
        case Listing():
            return members(value.of, f"{where}[]")
        case _:
            return set()


def places(found: Any, where: str = "") -> set[str]:
    """The places of everything in a body."""
    match found:
        case dict():
            return {f"{where}.{name}" for name in found} | {
                place for name, inner in found.items() for place in places(inner, f"{where}.{name}")
            }
        case list():
            return {place for element in found for place in places(element, f"{where}[]")}
        case _:
            return set()


def request(name: str) -> Record:
    found = CALLS[name].request
    assert found is not None
    return found


@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_every_body_sent_is_as_the_data_says(name: str, data: st.DataObject) -> None:
    """Whatever the box registers, searches, cancels or asks has the members, kinds and ranges of the contract and no other."""
    assert list(wrong(request(name), json.loads(data.draw(BODIES[name])))) == []


@pytest.mark.parametrize("name", BODIES)
@given(data=st.data())
def test_every_body_sent_is_taken_by_the_double(name: str, data: st.DataObject) -> None:
    """Whatever the box sends is valid by the double's own document too, which was written by another hand."""
    assert DOUBLE.issues(SCHEMAS[name], json.loads(data.draw(BODIES[name]))) == []


def at(place: Coordinates | Address, employer: EnterpriseNumber | ForeignVatNumber) -> Registration:
    declaration = DeclarationNumber.parse(DECLARATION.samples[0])
    return Registration(
        ssin=Insz.parse(SSIN.samples[0]), direction=Direction.IN, at_ms=0, employer=employer, place=place, declaration=declaration
    )


def test_every_member_of_the_data_is_sent() -> None:
    """The data describes no member of a request that nothing ever sends."""
    street = Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16", box_number="3")
    ours, foreign = EnterpriseNumber.parse("0206731645"), ForeignVatNumber.parse("NL123456789B01")
    number = DeclarationNumber.parse(DECLARATION.samples[0])
    queries = [Query(from_ms=0, to_ms=1, ssin=SSIN.samples[0], employer=each, declaration=number) for each in (ours, foreign)]
    bodies = {
        "register": [encode_registrations([at(Coordinates(50.8, 4.4), ours), at(street, foreign)])],
        "search": [encode_query(query, 1, 100) for query in queries],
        "cancel": [encode_cancellation([1])],
        "addresses": [encode_place(Coordinates(50.8, 4.4))],
    }
    for name, sent in bodies.items():
        assert {place for body in sent for place in places(json.loads(body))} == members(request(name)), name


def test_every_call_has_its_path_in_the_configuration() -> None:
    """Each operation is described once, under the key by which its path is configured."""
    assert [(call.name, call.operation.path) for call in calls()] == [(name, getattr(Paths(), name)) for name in Paths.__slots__]
    assert [call.operation for call in calls()] == list(contract.OPERATIONS)


def example(value: Value, leave_out: frozenset[str] = frozenset(), where: str = "") -> Any:
    """The smallest value that the data describes, without the members at these places."""
    match value:
        case Text():
            return (value.choices or value.samples or ("x",))[0]
        case Figure():
            return max(int(value.low), 1)
        case Listing():
            return [example(value.of, leave_out, f"{where}[]")]
        case Record():
            first = min(value.one_of, default=None)
            wanted = [each for each in value.members if each.name == first or (each.needed and each.name not in value.one_of)]
            places_ = {member.name.value: f"{where}.{member.name}" for member in wanted}
            return {
                member.name.value: example(member.value, leave_out, places_[member.name])
                for member in wanted
                if places_[member.name] not in leave_out
            }


def understood(name: str, body: object) -> object:
    """What the client makes of an answer; nothing where it does not understand it."""
    data = json.dumps(body).encode()
    sent = [at(Coordinates(50.8, 4.4), EnterpriseNumber.parse("0206731645"))]
    match name:
        case "register":
            return decode_answer(data, sent)
        case "search":
            return decode_page(data)
        case "consult":
            return decode_consultation(data, 1)
        case "cancel":
            return decode_cancellation(data, [1])
        case "addresses":
            return decode_addresses(data)
        case _:
            return decode_health(data)


def needed(name: str) -> list[str]:
    return sorted(places(example(CALLS[name].answer)))


@pytest.mark.parametrize("name", CALLS)
def test_an_answer_with_what_is_needed_is_understood(name: str) -> None:
    """The members that the data calls needed suffice, and the others may be left out."""
    assert understood(name, example(CALLS[name].answer))


@pytest.mark.parametrize(("name", "place"), [(name, place) for name in CALLS for place in needed(name)])
def test_an_answer_without_what_is_needed_is_not_understood(name: str, place: str) -> None:
    """Each member that the data calls needed is: without it nothing is half understood."""
    assert not understood(name, example(CALLS[name].answer, frozenset({place})))


@pytest.mark.parametrize("name", [name for name, call in CALLS.items() if "items" in call.answer.names])
def test_a_bare_array_is_understood(name: str) -> None:
    """An array in place of the object with items is read by every call that reads items."""
    assert understood(name, example(CALLS[name].answer)["items"])


@pytest.mark.parametrize("name", CALLS)
def test_what_may_be_left_out_is_read_where_it_is_there(name: str) -> None:
    """Each member of an answer that may be left out, and whose loss has a consequence, makes a difference when it is there."""
    body = example(CALLS[name].answer)
    bare = understood(name, body)
    for owner, member in optional(CALLS[name].answer, body):
        owner[member.name.value] = example(member.value)
        assert understood(name, body) != bare, member.name
        del owner[member.name.value]


def optional(record: Record, body: Any) -> Iterator[tuple[dict[str, Any], Member]]:
    """Each such member, with the object of the body in which it would stand."""
    for member in record.members:
        inner = body.get(member.name)
        if not member.needed and member.without:
            yield body, member
        elif isinstance(member.value, Record) and inner is not None:
            yield from optional(member.value, inner)
        elif isinstance(member.value, Listing) and isinstance(member.value.of, Record) and inner:
            yield from optional(member.value.of, inner[0])


def test_the_limits_given_are_the_limits_described() -> None:
    """Batch and page size of the configuration show in the data."""
    found = {call.name: call for call in calls(batch=50, page_size=20)}

    def of(call: Call, name: str) -> Value:
        assert call.request is not None
        return next(member.value for member in call.request.members if member.name == name)

    for name in ("register", "cancel"):
        listing = of(found[name], "items")
        assert isinstance(listing, Listing)
        assert listing.most == 50
    assert of(found["search"], "pageSize") == Figure(whole=True, low=20, high=20)


READS: dict[str, Callable[[str], object]] = {
    "ssin": Insz.parse,
    "contractualRelationshipReference": DeclarationNumber.parse,
    "enterpriseNumber": EnterpriseNumber.parse,
    "foreignVatNumber": ForeignVatNumber.parse,
}


@pytest.mark.parametrize("name", READS)
def test_examples_are_such_as_are_sent(name: str) -> None:
    """What foreign patterns are tried on are numbers that this program takes for good, short enough to be tried."""
    shapes = {"ssin": SSIN, "contractualRelationshipReference": DECLARATION} | {
        member.name.value: member.value for member in EMPLOYER.members
    }
    shape = shapes[name]
    assert isinstance(shape, Text)
    for sample in shape.samples:
        READS[name](sample)
        assert re.search(shape.pattern, sample)
        assert shape.shortest <= len(sample) <= shape.longest
        assert len(sample) <= 20


def test_the_lengths_of_an_address_are_those_of_the_configuration() -> None:
    """What the configuration lets pass is what the data says is sent at most."""
    address = next(call for call in calls() if call.name == "addresses").answer.members[0].value
    assert isinstance(address, Listing)
    assert isinstance(address.of, Record)
    longest = [member.value.longest for member in address.of.members if isinstance(member.value, Text)]
    kinds = [SiteAddress.__annotations__[name] for name in SiteAddress.__slots__]
    assert longest == [int(re.findall(r"longest=(\d+)", str(kind))[0]) for kind in kinds]


def test_no_scope_is_known_and_none_is_asked_for() -> None:
    """The token request is known from official pages, the scopes are not."""
    assert (AUTHORISATION.evidence, AUTHORISATION.scopes) == (Evidence.KNOWN, None)
    assert "scope" not in AUTHORISATION.form


def test_times_are_sent_as_the_data_says() -> None:
    """The example of a moment is the form in which the box writes times."""
    assert rfc3339(1_795_331_265_000 - 400_000) == "2026-11-22T07:01:05Z"
