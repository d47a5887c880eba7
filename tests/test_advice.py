from __future__ import annotations

import re

import pytest

from kiosk.advice import _RAW, WORDS, Audience, Language, advise, advise_finding, is_good, known, language_of
from kiosk.contract import Evidence

#: Every issue type that the facts name (rsz-service, section 3).
_ISSUES = [
    "schemaViolation",
    "invalidInput",
    "unknownInput",
    "referencedResourceNotFound",
    "anyOfExpected",
    "equalExpected",
    "exactlyOneOfExpected",
    "invalidPeriod",
    "invalidStructure",
    "outOfRange",
    "rejectedInput",
    "requiredInput",
    "zeroOrAllOfExpected",
    "zeroOrExactlyOneOfExpected",
    "replacedSsin",
    "unknownSsin",
]


def test_every_text_is_there_in_every_language_and_says_something_else_in_each() -> None:
    """Nobody is left without advice because of his language, and none was copied."""
    texts = [text for advice in WORDS for text in (advice.worker, advice.manager)] + [*_RAW.values()]
    for text in texts:
        assert set(text) == set(Language)
        assert len(set(text.values())) == len(Language)
        for sentence in text.values():
            assert sentence == sentence.strip()
            assert sentence.endswith(".")
            assert len(sentence) <= 140


def test_no_word_has_two_meanings() -> None:
    """Each word stands in one advice only, in lower case."""
    words = [word for advice in WORDS for word in advice.words]
    assert len(words) == len(set(words))
    assert [word for word in words if word != word.lower()] == []
    assert {advice.evidence for advice in WORDS} == set(Evidence)


@pytest.mark.parametrize("issue", _ISSUES)
@pytest.mark.parametrize("form", ["{}", "belgif:input-validation:{}", "urn:problem-type:cbss:input-validation:{}"])
@pytest.mark.parametrize("audience", Audience)
def test_every_issue_type_that_is_known_has_its_advice(issue: str, form: str, audience: Audience) -> None:
    """Under any name space: no code reaches a person where a sentence could."""
    (told,) = advise([form.format(issue)], Language.EN, audience)
    assert issue not in told


def test_verbs_that_are_advised_exist() -> None:
    """What a manager is told to type is a verb of the kiosk."""
    from kiosk.cli import kiosk  # noqa: PLC0415  only this test needs the verbs

    for advice in WORDS:
        for sentence in advice.manager.values():
            for words in re.findall(r"(?:: |[(])kiosk ([a-z]+)", sentence):
                assert words in kiosk.commands


@pytest.mark.parametrize(
    ("language", "told"),
    [
        (Language.NL, "De dienst merkt op: NEW-042. Toon dit aan uw verantwoordelijke."),
        (Language.FR, "Le service signale : NEW-042. Montrez ceci à votre responsable."),
        (Language.DE, "Der Dienst merkt an: NEW-042. Zeigen Sie dies Ihrem Verantwortlichen."),
        (Language.EN, "The service remarks: NEW-042. Show this to your site manager."),
    ],
)
def test_an_unknown_word_is_shown_raw(language: Language, told: str) -> None:
    """What the service says is not lost because this program does not know it yet."""
    assert advise(["NEW-042"], language, Audience.WORKER) == (told,)


def test_a_remark_in_free_text_stays_whole_and_short() -> None:
    """Commas in a sentence split nothing; braces format nothing; a long one is cut."""
    (told,) = advise(["late, {as} seen"], Language.EN, Audience.MANAGER)
    assert told == "The service says: late, {as} seen. This kiosk does not know that word."
    (cut,) = advise(["x" * 500], Language.EN, Audience.WORKER)
    assert len(cut) < 200


def test_only_words_with_a_meaning_are_known() -> None:
    """Free text may name somebody, also between words that are known."""
    words = ("replacedSsin", "cbss:input-validation:unknownSsin", "unknownSsin, replacedSsin", "a word", "unknownSsin, a word")
    assert known(words) == words[:3]


def test_several_types_of_one_refusal_are_advised_once_each() -> None:
    """A reason joins its types by commas; two that mean the same are said once."""
    assert len(advise(["replacedSsin, invalidPeriod, outOfRange"], Language.NL, Audience.MANAGER)) == 2


@pytest.mark.parametrize(
    ("validity", "remarks", "count"),
    [("valid", (), 0), ("pending", (), 0), ("valid", ("late",), 1), ("invalid", (), 1), ("something new", ("replacedSsin",), 2)],
)
def test_good_news_needs_no_advice(validity: str, remarks: tuple[str, ...], count: int) -> None:
    """Remarks are told whatever the validity, a validity only when it is no good news."""
    assert len(advise_finding(validity, remarks, Language.FR, Audience.WORKER)) == count


@pytest.mark.parametrize(
    ("tag", "language"),
    [("fr", "fr"), ("FR-be", "fr"), ("nl_BE", "nl"), ("de", "de"), ("pl", "en"), (None, "en"), ("", "en")],
)
def test_a_language_is_found_by_its_tag(tag: str | None, language: str) -> None:
    """A region does not matter; who speaks none of the four reads English."""
    assert language_of(tag).value == language


@pytest.mark.parametrize(("validity", "good"), [("valid", True), ("OK", True), ("pending", True), ("invalid", False), ("x", False)])
def test_what_is_good_news(validity: str, good: bool) -> None:  # noqa: FBT001  a column of the table
    """An open set: whatever is not known to be good is not."""
    assert is_good(validity) is good
