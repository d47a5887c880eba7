"""kiosk.anchors dates every moment of a boot from one, and never claims to know better than it does."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.anchors import DRIFT_PPM, Anchor, service_anchor, stored_anchor

NOW_MS = 1_793_602_800_000
SECOND_NS = 1_000_000_000
DATE = "Mon, 02 Nov 2026 07:00:00 GMT"
DAY_NS = 86_400 * SECOND_NS


def anchor(wall_ms: int = NOW_MS, boot_ns: int = 500 * SECOND_NS, bound_ms: int = 10) -> Anchor:
    return Anchor(source="kernel", wall_ms=wall_ms, boot_ns=boot_ns, bound_ms=bound_ms)


@given(
    wall_ms=st.integers(0, 4_102_444_800_000),
    boot_ns=st.integers(0, 400 * DAY_NS),
    bound_ms=st.integers(0, 60_000),
    apart_ns=st.integers(-400 * DAY_NS, 400 * DAY_NS),
    ppm=st.floats(-DRIFT_PPM, DRIFT_PPM),
    error=st.floats(-1, 1),
)
def test_the_truth_always_lies_within_the_bound(  # noqa: PLR0917 - Hypothesis hands them over by name
    wall_ms: int, boot_ns: int, bound_ms: int, apart_ns: int, ppm: float, error: float
) -> None:
    """However wrong the anchor was within its bound, and however the crystal drifts within its own."""
    known = anchor(wall_ms, boot_ns, bound_ms)
    true_ms = wall_ms + error * bound_ms + apart_ns / 1e6 * (1 + ppm / 1e6)
    then = boot_ns + apart_ns
    assert abs(known.at(then) - true_ms) <= known.bound_at(then) + 1


def test_a_day_apart_costs_seventeen_seconds() -> None:
    """Two hundred parts in a million, in both directions, and nothing at the moment itself."""
    known = anchor()
    assert (known.at(known.boot_ns), known.bound_at(known.boot_ns)) == (NOW_MS, 10)
    for way in (-1, 1):
        then = known.boot_ns + way * DAY_NS
        assert known.at(then) == NOW_MS + way * 86_400_000
        assert known.bound_at(then) == 10 + 17_280 + 1
        assert known.moved(then) == anchor(NOW_MS + way * 86_400_000, then, 17_291)


def test_two_words_contradict_each_other_beyond_both_bounds() -> None:
    """What both bounds allow is no contradiction, whenever each was said."""
    early, late = anchor(), anchor(NOW_MS + 3_600_000 + 741, 4_100 * SECOND_NS, 10)
    assert not early.contradicts(late)  # an hour: 720 ms of drift, rounded up, and 20 of both
    assert anchor(NOW_MS + 3_600_000 + 742, 4_100 * SECOND_NS, 10).contradicts(early)
    assert early.contradicts(anchor(NOW_MS - 86_400_000))


def test_an_anchor_is_the_same_after_a_restart() -> None:
    """What was written down is read again, whole."""
    assert Anchor.unpack(anchor().pack()) == anchor()


def test_the_services_date_is_true_to_a_second_and_the_round_trip() -> None:
    """The middle of the interval in which the truth lies, with a bound that covers all of it."""
    sent, received = 100 * SECOND_NS, 100 * SECOND_NS + 80_000_000
    known = service_anchor({"date": DATE}, sent_ns=sent, received_ns=received)
    assert known == Anchor(source="service", wall_ms=NOW_MS + 540, boot_ns=received, bound_ms=1080)


@given(tick=st.floats(0, 0.999), there=st.floats(0, 20), back=st.floats(0, 20))
def test_the_services_truth_lies_within_the_bound(tick: float, there: float, back: float) -> None:
    """Wherever in its second the server stood, and however the round trip was shared between the two ways."""
    sent = 1000 * SECOND_NS
    received = sent + round((there + back) * 1e9)
    known = service_anchor({"date": DATE}, sent_ns=sent, received_ns=received)
    assert known is not None
    assert abs(known.wall_ms - (NOW_MS + (tick + back) * 1000)) <= known.bound_ms


@given(moment=st.datetimes(datetime(1980, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_every_date_is_read(moment: datetime) -> None:
    """As RFC 9110 writes it, before and after 2038."""
    known = service_anchor({"date": format_datetime(moment, usegmt=True)}, sent_ns=0, received_ns=0)
    assert known is not None
    assert known.wall_ms == int(moment.timestamp()) * 1000 + 500


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"date": "yesterday"},
        {"date": "Mon, 02 Nov 99999 07:00:00 GMT"},
        {"date": "Mon, 02 Nov 2026 07:00:00 -0000"},
        {"date": DATE, "age": "1"},
        {"date": DATE, "age": "old"},
    ],
)
def test_an_answer_that_does_not_tell_the_time_is_no_anchor(headers: dict[str, str]) -> None:
    """Without a date, with one that can't be read, or out of a cache."""
    assert service_anchor(headers, sent_ns=0, received_ns=0) is None


def test_an_answer_of_age_nothing_is_fresh() -> None:
    """A proxy that passed it on at once says so."""
    assert service_anchor({"date": DATE, "age": "0"}, sent_ns=0, received_ns=0) is not None


@given(date=st.text(max_size=40))
def test_no_date_raises(date: str) -> None:
    """Whatever a server writes there."""
    service_anchor({"date": date}, sent_ns=0, received_ns=0)


def test_a_clock_that_ran_alone_is_worth_less_the_longer() -> None:
    """A week unsteered is two minutes; a clock that stands before what it was checked by has run no time at all."""
    week = stored_anchor(source="rtc", wall_ms=NOW_MS, boot_ns=1, bound_ms=2000, age_ms=7 * 86_400_000)
    assert week.bound_ms == 2000 + 120_960
    assert stored_anchor(source="rtc", wall_ms=NOW_MS, boot_ns=1, bound_ms=2000, age_ms=-5).bound_ms == 2000
