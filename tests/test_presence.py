from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from hardware.cards import Absent, Failed, Identified, Reading
from hardware.ports import Card, Identity, Sighting, Unreadable
from hardware.presence import PATIENCE_NS, TOO_SOON, WOBBLE_NS, Presence
from tests.people import invented_document, invented_insz

A = Identified(b"\x04\xa1\xa2\xa3", "mifare-classic-1k")
B = Identified(b"\x04\xb1\xb2\xb3", "mifare-classic-1k")
PULLED = Failed(TOO_SOON)
SECOND = 1_000_000_000


@dataclass
class Scene:
    """A reader told about step by step; each step takes 150 ms, as the probe does."""

    presence: Presence = field(default_factory=Presence)
    now: int = SECOND
    counter: int = 0
    lying: bool = False

    def later(self, nanoseconds: int = 150_000_000) -> None:
        self.now += nanoseconds

    def event(self, *, present: bool) -> Sighting | None:
        self.counter += self.lying != present
        self.lying = present
        return self.again()

    def again(self) -> Sighting | None:
        return self.presence.status(present=self.lying, counter=self.counter, now_ns=self.now)

    def read(self, outcome: Reading, *, after: int = 150_000_000) -> Sighting | None:
        self.later(after)
        return self.presence.read(outcome, began_ns=self.now, now_ns=self.now)

    def tap(self, outcome: Reading) -> list[Sighting | None]:
        seen = [self.event(present=True), self.read(outcome), self.event(present=False)]
        self.later(SECOND)
        return [sighting for sighting in seen if sighting is not None]


def identifier(sighting: Sighting | None) -> bytes:
    assert isinstance(sighting, Card)
    return sighting.identifier


def why(sighting: Sighting | None) -> str:
    assert isinstance(sighting, Unreadable)
    return sighting.why


def empty() -> Scene:
    scene = Scene()
    assert scene.event(present=False) is None
    return scene


def test_a_card_is_seen_once_at_the_moment_it_was_laid_down() -> None:
    """The sighting carries identifier, technology and the time of the event, not of the answer."""
    scene = empty()
    laid = scene.now
    assert scene.event(present=True) is None
    card = scene.read(A)
    assert identifier(card) == A.identifier
    assert isinstance(card, Card)
    assert (card.kind, card.technology, card.boot_ns) == ("uid", A.technology, laid)


def test_an_identity_card_is_seen_once_at_the_moment_it_went_in() -> None:
    """However often it is read; and the next person's, in the same slot, is a sighting of its own."""
    mine, yours = (invented_document(invented_insz(number)) for number in (1, 2))
    scene = empty()
    laid = scene.now
    scene.event(present=True)
    identity = scene.read(mine)
    assert isinstance(identity, Identity)
    assert (identity.document, identity.boot_ns, identity.trust) == (mine, laid, "eid")
    assert scene.read(mine) is None
    assert mine.number not in repr(identity)
    other = scene.read(yours)
    assert isinstance(other, Identity)
    assert other.document == yours
    assert Identity(document=invented_document(invented_insz(1), proven=False), boot_ns=1).trust == "uid"


def test_a_card_left_lying_for_hours_is_one_sighting() -> None:
    """Re-reads, failures of the probe and another program's interference between them are no news."""
    scene = empty()
    scene.event(present=True)
    seen = [scene.read(A)]
    for _hour in range(2 * 3600):
        scene.later(SECOND)
        seen += [scene.read(Failed("another program is using the reader")), scene.again(), scene.read(PULLED), scene.read(A)]
    assert [sighting for sighting in seen if sighting is not None] == seen[:1]


def test_the_same_card_counts_again_after_a_removal() -> None:
    """Lifted and laid down again is a second tap."""
    scene = empty()
    assert len(scene.tap(A)) == 1
    assert len(scene.tap(A)) == 1


def test_a_card_that_wobbles_is_one_sighting() -> None:
    """A badge that comes and goes within 300 ms at the edge of the field stays one tap, without a red in between."""
    scene = empty()
    scene.event(present=True)
    assert scene.read(A) is not None
    for outcome in (PULLED, A, PULLED, A, PULLED, A):
        assert scene.event(present=False) is None
        assert scene.event(present=True) is None
        assert scene.read(outcome, after=WOBBLE_NS // 3) is None


def test_another_card_without_any_event_is_seen() -> None:
    """Badge B put where A lay, so fast that the reader says nothing, is a sighting of B, dated at its reading."""
    scene = empty()
    scene.event(present=True)
    scene.read(A)
    assert scene.read(PULLED) is None
    card = scene.read(B)
    assert identifier(card) == B.identifier
    assert isinstance(card, Card)
    assert card.boot_ns == scene.now


def test_two_cards_in_one_purse_are_seen_once_each() -> None:
    """A reader that answers with either of two cards lying there does not make a tap of each change."""
    scene = empty()
    scene.event(present=True)
    seen = [scene.read(card) for _round in range(50) for card in (A, B)]
    assert [identifier(sighting) for sighting in seen if sighting is not None] == [A.identifier, B.identifier]


def test_a_changed_counter_is_a_new_insertion() -> None:
    """A removal that fell between two looks shows in the counter alone, and counts."""
    scene = empty()
    scene.event(present=True)
    scene.read(A)
    scene.later(SECOND)
    scene.counter += 2
    assert scene.again() is None
    assert identifier(scene.read(A)) == A.identifier


def test_a_counter_that_moved_past_an_unread_card_reports_it() -> None:
    """A card that left unread and was followed by another is called unreadable; the other is read."""
    scene = empty()
    scene.event(present=True)
    scene.read(Failed("no answer from the card"))
    scene.counter += 2
    assert why(scene.again()) == "no answer from the card"
    assert identifier(scene.read(B)) == B.identifier


def test_a_failing_card_gets_its_time_and_is_then_unreadable_once() -> None:
    """A card is not called unreadable before 400 ms are over, and not twice."""
    scene = empty()
    laid = scene.now
    scene.event(present=True)
    assert scene.read(Failed("no answer from the card")) is None
    scene.now = laid + PATIENCE_NS - 150_000_001
    assert scene.read(Failed("no answer from the card")) is None
    first = scene.read(Failed("no answer from the card"))
    assert why(first) == "no answer from the card"
    assert isinstance(first, Unreadable)
    assert first.boot_ns == laid
    assert [scene.read(PULLED) for _ in range(20)] == [None] * 20
    assert scene.event(present=False) is None


def test_a_card_called_unreadable_may_still_be_read() -> None:
    """Another program lets the reader go: the card that waited is seen, once."""
    scene = empty()
    scene.event(present=True)
    scene.later(SECOND)
    assert why(scene.read(Failed("another program is using the reader"))) == "another program is using the reader"
    assert identifier(scene.read(A)) == A.identifier
    assert scene.read(A) is None


def test_a_card_taken_away_unread_is_reported() -> None:
    """Somebody who was too quick is told so, and is not left to believe that it counted."""
    scene = empty()
    scene.event(present=True)
    assert why(scene.event(present=False)) == TOO_SOON
    assert scene.event(present=False) is None


def test_a_removal_seen_by_the_probe_counts() -> None:
    """The reader's word that the card is gone comes sooner by a reading than by an event."""
    scene = empty()
    scene.event(present=True)
    scene.read(A)
    assert scene.read(Absent()) is None
    scene.later(WOBBLE_NS)
    assert identifier(scene.read(A)) == A.identifier


def test_an_insertion_that_finds_no_card_is_too_soon() -> None:
    """A reader that announces a card and then has none ends as one unreadable, whatever its event does."""
    scene = empty()
    scene.event(present=True)
    assert scene.read(Absent()) is None
    scene.later(PATIENCE_NS)
    assert why(scene.read(Absent())) == TOO_SOON
    assert scene.read(Absent()) is None
    assert scene.event(present=False) is None


def test_a_card_that_lay_through_an_outage_is_no_news() -> None:
    """The service died and came back: what lay there before and lies there now was tapped once, be it read or refused."""
    for outcome, count in ((A, 1), (Failed("no answer from the card"), 1)):
        scene = empty()
        scene.event(present=True)
        scene.later(PATIENCE_NS)
        seen = [scene.read(outcome)]
        scene.presence.lost()
        assert not scene.presence.present
        scene.later(60 * SECOND)
        scene.counter = 1
        seen += [scene.again(), scene.read(outcome), scene.read(outcome), scene.read(outcome), scene.read(outcome)]
        assert len([sighting for sighting in seen if sighting is not None]) == count


def test_a_card_laid_down_after_an_outage_counts() -> None:
    """After pcscd came back to an empty reader the same card is a new tap."""
    scene = empty()
    scene.tap(A)
    scene.presence.lost()
    scene.counter = 0
    scene.lying = False
    assert scene.again() is None
    assert len(scene.tap(A)) == 1


def test_another_card_found_after_an_outage_counts() -> None:
    """A card that was laid down while nobody watched is seen when the watch is back."""
    scene = empty()
    scene.event(present=True)
    scene.later(SECOND)
    scene.read(Failed("no answer from the card"))
    scene.presence.lost()
    assert scene.again() is None
    assert identifier(scene.read(B)) == B.identifier


class OnePerInsertion(RuleBasedStateMachine):
    """Any order of events, readings, failures and outages: nothing is said twice without a removal between."""

    def __init__(self) -> None:
        super().__init__()
        self.scene = Scene()
        self.seen: list[bytes] = []
        self.refused = 0

    def take(self, sighting: Sighting | None) -> None:
        if isinstance(sighting, Card):
            self.seen.append(sighting.identifier)
        elif sighting is not None:
            self.refused += 1

    @rule(present=st.booleans())
    def event(self, *, present: bool) -> None:
        self.take(self.scene.event(present=present))
        if not present:
            self.once()
            self.seen, self.refused = [], 0

    @rule(outcome=st.sampled_from([A, B, PULLED, Failed("no answer from the card")]))
    def probe(self, outcome: Reading) -> None:
        if self.scene.presence.present:
            self.take(self.scene.read(outcome))

    @rule()
    def outage(self) -> None:
        self.scene.presence.lost()
        self.take(self.scene.again())

    @rule(seconds=st.integers(1, 10_000))
    def wait(self, seconds: int) -> None:
        self.scene.later(seconds * SECOND)

    @invariant()
    def once(self) -> None:
        assert len(self.seen) == len(set(self.seen))
        assert self.refused <= 1


TestOnePerInsertion = OnePerInsertion.TestCase
