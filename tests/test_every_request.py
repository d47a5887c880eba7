"""Every request that the client can send, against the double's own OpenAPI document, which refuses whatever it does not know."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kiosk.client import Client
from kiosk.consultation import encode_cancellation, encode_place
from kiosk.contract import MAX_BATCH, ServiceSettings
from kiosk.identifiers import DeclarationNumber, Employer, EnterpriseNumber, ForeignVatNumber, Insz
from kiosk.model import Address, ClockReading, Coordinates, Direction, Place, Registration
from kiosk.provisioning import KeyKind, make_client_key
from kiosk.simulator import Operation, Simulator
from kiosk.simulator.document import Document, load, parse
from kiosk.verdicts import Addresses, Answered, CancelAnswered, Consulted, Created, Found, Health, NotThere, Query
from kiosk.wire import encode_query, encode_registrations
from tests.strangers import CLIENT, true_now

DOCUMENT: Final = Document(load("openapi.json"))
#: The years of a registration: 2020 to 2099.
TIMES: Final = st.integers(1_577_836_800_000, 4_102_444_799_999)
IDS: Final = st.integers(1, 2**53 - 1)


@st.composite
def insz(draw: st.DrawFn) -> Insz:
    """Any number that may exist: national or BIS, of either century, with an unknown birth date too."""
    month = draw(st.sampled_from([0, 12])) + draw(st.sampled_from([0, 20, 40]))
    first = f"{draw(st.integers(0, 99)):02d}{month:02d}{draw(st.integers(0, 31)):02d}{draw(st.integers(1, 998)):03d}"
    century = draw(st.sampled_from(["", "2"]))
    return Insz.parse(f"{first}{97 - int(century + first) % 97:02d}")


@st.composite
def enterprise(draw: st.DrawFn) -> EnterpriseNumber:
    first = draw(st.integers(0, 19_999_999))
    return EnterpriseNumber.parse(f"{first:08d}{97 - first % 97:02d}")


EMPLOYERS: Final[st.SearchStrategy[Employer]] = st.one_of(
    enterprise(), st.from_regex(r"(?!BE)[A-Z]{2}[0-9A-Z+*]{2,18}", fullmatch=True).map(ForeignVatNumber.parse)
)
DECLARATIONS: Final = st.from_regex(r"[A-HJ-NP-Z0-9]{13}", fullmatch=True).map(DeclarationNumber.parse)


def words(longest: int) -> st.SearchStrategy[str]:
    """Text as the configuration takes it: printable, not blank, so long at most."""
    return st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=longest)


COORDINATES: Final = st.builds(
    Coordinates,
    latitude=st.floats(-90, 90) | st.sampled_from([-0.0, 5e-324, 50.8466]),
    longitude=st.floats(-180, 180) | st.sampled_from([1e-7, 180.0]),
)
PLACES: Final[st.SearchStrategy[Place]] = st.one_of(
    COORDINATES,
    st.builds(
        Address,
        post_code=words(20),
        municipality=words(100),
        street=words(200),
        house_number=words(20),
        box_number=st.none() | words(20),
    ),
)


def batches(longest: int) -> st.SearchStrategy[list[Registration]]:
    """Calls as delivery makes them: of one employer and one declaration."""

    def of(employer: Employer, declaration: DeclarationNumber) -> st.SearchStrategy[list[Registration]]:
        one = st.builds(
            Registration,
            ssin=insz(),
            direction=st.sampled_from(Direction),
            at_ms=TIMES,
            employer=st.just(employer),
            place=PLACES,
            declaration=st.just(declaration),
        )
        return st.lists(one, min_size=1, max_size=longest)

    return st.tuples(EMPLOYERS, DECLARATIONS).flatmap(lambda group: of(*group))


@st.composite
def queries(draw: st.DrawFn) -> Query:
    from_ms = draw(TIMES)
    return Query(
        from_ms=from_ms,
        to_ms=from_ms + draw(st.integers(0, 90_000_000)),
        ssin=draw(st.none() | insz().map(lambda number: number.digits)),
        employer=draw(st.none() | EMPLOYERS),
        declaration=draw(st.none() | DECLARATIONS),
    )


SAMPLE: Final = Registration(
    ssin=Insz.parse("85073003328"),
    direction=Direction.IN,
    at_ms=1_795_330_865_000,
    employer=ForeignVatNumber.parse("NL001234567B01"),
    place=Address(post_code="1000", municipality="Brussel", street="Wetstraat", house_number="16"),
    declaration=DeclarationNumber.parse("1Y1003SQ5VSSZ"),
)


def issues(schema: str, body: bytes) -> list[object]:
    """What a strict reader has to say: of the JSON itself, then of every field."""
    return list(DOCUMENT.issues(schema, parse(body)))


@given(batches(5))
@settings(max_examples=300)
def test_every_registration_satisfies_the_document(registrations: list[Registration]) -> None:
    """Whoever works wherever for whomever: every field, pattern and limit is kept, and nothing is added."""
    assert issues("RegisterInBulkRequest", encode_registrations(registrations)) == []


@given(queries(), st.integers(1, 200), st.integers(1, 500))
@settings(max_examples=300)
def test_every_search_satisfies_the_document(query: Query, page: int, size: int) -> None:
    """However narrow or wide a search is, it asks only for what there is."""
    assert issues("SearchRequest", encode_query(query, page, size)) == []


@given(st.lists(IDS, min_size=1, max_size=MAX_BATCH), COORDINATES)
def test_every_cancellation_and_place_satisfies_the_document(ids: list[int], place: Coordinates) -> None:
    """Ids and coordinates go out as numbers within their ranges."""
    assert issues("CancelInBulkRequest", encode_cancellation(ids)) == []
    assert issues("AddressSearchRequest", encode_place(place)) == []


def test_the_document_would_object() -> None:
    """The reader is strict: one more field, one missing or one too many items are told."""
    item = json.loads(encode_registrations([SAMPLE]))["items"][0]
    for spoilt in ([item | {"more": 1}], [{**item, "ssin": None}], [item] * (MAX_BATCH + 1), []):
        assert issues("RegisterInBulkRequest", json.dumps({"items": spoilt}).encode())


# Over the wire


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with Simulator(tmp_path_factory.mktemp("double")) as simulator:
        yield simulator


@pytest.fixture(scope="module")
def client(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("key")
    key, certificate = folder / "client.key.pem", folder / "client.cert.pem"
    make_client_key(key, certificate, company="Test", now=true_now(), kind=KeyKind.P_384)
    simulator.add_client(CLIENT, certificate.read_bytes())
    client = Client(
        ServiceSettings(
            api_url=simulator.api_url,
            token_url=simulator.token_url,
            client_id=CLIENT,
            private_key=Path(key),
            ca_file=simulator.ca_file,
        ),
        clock,
    )
    yield client
    client.close()


def clock() -> ClockReading:
    wall_ms = time.time_ns() // 1_000_000
    return ClockReading(wall_ms=wall_ms, boot_ns=time.monotonic_ns(), boot_id="boot", trusted=True, source="assume", bound_ms=0)


WIRE: Final = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(batches(3), queries(), COORDINATES)
@WIRE
def test_the_double_takes_every_request(
    client: Client, simulator: Simulator, registrations: list[Registration], query: Query, place: Coordinates
) -> None:
    """Over TLS every call is answered as it was meant: nothing is refused as input, and what was sent is found as it was sent."""
    answered = client.register(registrations)
    assert isinstance(answered, Answered)
    ids = [item.registration_id for item in answered.items if isinstance(item, Created)]
    assert len(ids) == len(registrations)
    first = registrations[0]
    shown = client.consult(ids[0])
    assert isinstance(shown, Consulted)
    assert (shown.registration.ssin, shown.registration.second) == (first.ssin.digits, first.second)
    assert (shown.registration.employer, shown.registration.declaration) == (first.employer, first.declaration)
    assert isinstance(client.search(query), Found)
    assert isinstance(client.addresses(place), Addresses)
    assert isinstance(client.cancel(ids), CancelAnswered)
    assert {entry.status for entry in simulator.journal.entries()} == {200}


@given(st.integers(10**9, 2**53 - 1))
@WIRE
def test_an_id_that_is_not_there_is_no_mistake(client: Client, simulator: Simulator, number: int) -> None:
    """An id of any size is asked for in the path, and answered by a 404 that says so; health asks for nothing."""
    assert client.consult(number) == NotThere()
    assert client.health() == Health(status="UP")
    asked = [entry for entry in simulator.journal.entries() if entry.operation is Operation.SHOW]
    assert 400 not in {entry.status for entry in asked}
