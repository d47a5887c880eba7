"""What the service's words mean for the people concerned, in four languages: data, and how it is found.

Which remark codes and final validities the service really uses is not known until its official description is at hand
(facts, rsz-service, section 2.3), so the words here are those that Belgif and the older SOAP service use, each with its level
of evidence; a word that is not here is shown as it came. To teach the kiosk a new word, add it to ``WORDS``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kiosk.contract import VALIDITY_CANCELLED, VALIDITY_GOOD, VALIDITY_PENDING, Evidence


class Language(StrEnum):
    """The languages that every advice is written in; the values are BCP 47 codes."""

    NL = "nl"
    FR = "fr"
    DE = "de"
    EN = "en"


class Audience(StrEnum):
    """Who is told: the worker at the gate, in a short sentence, or whoever manages the site."""

    WORKER = "worker"
    MANAGER = "manager"


#: A text in every language; a test sees to it that none lacks.
Text = Mapping[Language, str]


def text(*, nl: str, fr: str, de: str, en: str) -> Text:
    """Write a text in every language."""
    return {Language.NL: nl, Language.FR: fr, Language.DE: de, Language.EN: en}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do about some words of the service.

    Attributes:
        words: Last parts of issue types, remark codes or validities, compared without case.
        evidence: ``known`` where an official page lists the word, ``assumed`` where it is inferred; that this service uses
            it in a remark is assumed of every one.
        worker: Said at the gate.
        manager: Said beside the task.
    """

    words: frozenset[str]
    evidence: Evidence
    worker: Text
    manager: Text


_SEE_MANAGER: Final = text(
    nl="Er is een probleem met uw aanwezigheidsregistratie. Spreek uw verantwoordelijke aan.",
    fr="Il y a un problème avec votre enregistrement de présence. Adressez-vous à votre responsable.",
    de="Mit Ihrer Anwesenheitsmeldung stimmt etwas nicht. Wenden Sie sich an Ihren Verantwortlichen.",
    en="Something is wrong with your presence registration. Speak to your site manager.",
)
_UNKNOWN_NUMBER: Final = text(
    nl="De sociale zekerheid kent uw nummer niet. Spreek uw verantwoordelijke aan.",
    fr="La sécurité sociale ne connaît pas votre numéro. Adressez-vous à votre responsable.",
    de="Die soziale Sicherheit kennt Ihre Nummer nicht. Wenden Sie sich an Ihren Verantwortlichen.",
    en="Social security does not know your number. Speak to your site manager.",
)

#: Belgif issue types: facts, rsz-service, section 3 (its REST guide lists them); validities: section 2.4 and ``contract``.
WORDS: Final = (
    Advice(
        words=frozenset({"unknownssin"}),
        evidence=Evidence.KNOWN,
        worker=_UNKNOWN_NUMBER,
        manager=text(
            nl="Dit INSZ is niet gekend. Kijk het na op een identiteitsbewijs en verbeter het: kiosk holder replace-insz.",
            fr="Ce NISS n'est pas connu. Vérifiez-le sur une pièce d'identité et corrigez-le : kiosk holder replace-insz.",
            de="Diese INSZ ist nicht bekannt. Prüfen Sie sie an einem Ausweis und berichtigen Sie sie: kiosk holder replace-insz.",
            en="This INSZ is not known. Check it against an identity document and correct it: kiosk holder replace-insz.",
        ),
    ),
    Advice(
        words=frozenset({"replacedssin"}),
        evidence=Evidence.KNOWN,
        worker=text(
            nl="U hebt een nieuw rijksregisternummer. Geef het door aan uw verantwoordelijke.",
            fr="Vous avez un nouveau numéro national. Communiquez-le à votre responsable.",
            de="Sie haben eine neue Nationalregisternummer. Teilen Sie sie Ihrem Verantwortlichen mit.",
            en="You have a new national number. Give it to your site manager.",
        ),
        manager=text(
            nl="Dit INSZ is door een ander vervangen. Vraag het nieuwe en geef het in: kiosk holder replace-insz.",
            fr="Ce NISS a été remplacé. Demandez le nouveau et introduisez-le : kiosk holder replace-insz.",
            de="Diese INSZ wurde ersetzt. Fragen Sie nach der neuen und geben Sie sie ein: kiosk holder replace-insz.",
            en="This INSZ was replaced by another. Ask for the new one and enter it: kiosk holder replace-insz.",
        ),
    ),
    Advice(
        words=frozenset({"invalidstructure"}),
        evidence=Evidence.KNOWN,
        worker=_SEE_MANAGER,
        manager=text(
            nl="Een nummer klopt niet (controlecijfer). Kijk INSZ, ondernemingsnummer en aangifte van werken na.",
            fr="Un numéro est incorrect (chiffre de contrôle). Vérifiez NISS, numéro d'entreprise et déclaration de travaux.",
            de="Eine Nummer stimmt nicht (Prüfziffer). Prüfen Sie INSZ, Unternehmensnummer und Meldung der Arbeiten.",
            en="A number is wrong (check digits). Check the INSZ, the enterprise number and the declaration of works.",
        ),
    ),
    Advice(
        words=frozenset({"referencedresourcenotfound", "resourcenotfound"}),
        evidence=Evidence.KNOWN,
        worker=_SEE_MANAGER,
        manager=text(
            nl="De dienst vindt iets niet waarnaar verwezen wordt: kijk na of de aangifte van werken bestaat en nog loopt.",
            fr="Le service ne trouve pas une référence : vérifiez que la déclaration de travaux existe et court encore.",
            de="Der Dienst findet einen Verweis nicht: Prüfen Sie, ob die Meldung der Arbeiten besteht und noch läuft.",
            en="The service does not find what is referred to: check that the declaration of works exists and has not ended.",
        ),
    ),
    Advice(
        words=frozenset({"missingpermission"}),
        evidence=Evidence.KNOWN,
        worker=_SEE_MANAGER,
        manager=text(
            nl="Deze kiosk mag niet voor deze werkgever registreren. Laat het recht toekennen in Chaman.",
            fr="Ce kiosque ne peut pas enregistrer pour cet employeur. Faites accorder l'autorisation dans Chaman.",
            de="Dieser Kiosk darf für diesen Arbeitgeber nicht melden. Lassen Sie das Recht in Chaman erteilen.",
            en="This kiosk may not register for this employer. Have the permission granted in Chaman.",
        ),
    ),
    Advice(
        words=frozenset({"invalidperiod", "outofrange"}),
        evidence=Evidence.KNOWN,
        worker=_SEE_MANAGER,
        manager=text(
            nl="Tijd of plaats valt buiten wat de dienst aanneemt. Kijk de klok (kiosk status) en de coördinaten na.",
            fr="L'heure ou le lieu sort de ce que le service accepte. Vérifiez l'horloge (kiosk status) et les coordonnées.",
            de="Zeit oder Ort liegen außerhalb dessen, was der Dienst annimmt. Prüfen Sie Uhr (kiosk status) und Koordinaten.",
            en="Time or place lies outside what the service takes. Check the clock (kiosk status) and the coordinates.",
        ),
    ),
    Advice(
        words=frozenset(
            {
                "schemaviolation",
                "unknowninput",
                "requiredinput",
                "equalexpected",
                "anyofexpected",
                "exactlyoneofexpected",
                "zeroorallofexpected",
                "zeroorexactlyoneofexpected",
            }
        ),
        evidence=Evidence.KNOWN,
        worker=_SEE_MANAGER,
        manager=text(
            nl="De kiosk zond iets in een vorm die de dienst niet aanneemt. Dat is geen fout van u: meld het aan de beheerder.",
            fr="Le kiosque a envoyé une forme que le service refuse. Ce n'est pas votre faute : avertissez l'administrateur.",
            de="Der Kiosk sandte eine Form, die der Dienst nicht annimmt. Das ist nicht Ihr Fehler: Melden Sie es dem Verwalter.",
            en="The kiosk sent something in a form that the service does not take. It is no mistake of yours: tell the admin.",
        ),
    ),
    Advice(
        words=frozenset({"rejectedinput", "invalidinput", "badrequest", "notcreated"}),
        evidence=Evidence.KNOWN,
        worker=_SEE_MANAGER,
        manager=text(
            nl="De dienst weigert deze registratie. Kijk persoon, werkgever en aangifte na, dan: kiosk outbox retry.",
            fr="Le service refuse cet enregistrement. Vérifiez personne, employeur et déclaration, puis : kiosk outbox retry.",
            de="Der Dienst lehnt diese Meldung ab. Prüfen Sie Person, Arbeitgeber und Arbeiten, dann: kiosk outbox retry.",
            en="The service refuses this registration. Check the person, employer and declaration, then: kiosk outbox retry.",
        ),
    ),
    Advice(
        words=frozenset({"invalid", "failed"}),
        evidence=Evidence.ASSUMED,
        worker=text(
            nl="Uw registratie werd ongeldig verklaard. Spreek uw verantwoordelijke aan.",
            fr="Votre enregistrement a été déclaré non valable. Adressez-vous à votre responsable.",
            de="Ihre Meldung wurde für ungültig erklärt. Wenden Sie sich an Ihren Verantwortlichen.",
            en="Your registration was found invalid. Speak to your site manager.",
        ),
        manager=text(
            nl="De dienst vindt deze registratie ongeldig. Lees de opmerkingen; de RSZ verbetert tot 30 dagen na de datum.",
            fr="Le service juge cet enregistrement non valable. Lisez les remarques ; l'ONSS corrige durant 30 jours.",
            de="Der Dienst hält diese Meldung für ungültig. Lesen Sie die Anmerkungen; das LSS berichtigt 30 Tage lang.",
            en="The service finds this registration invalid. Read the remarks; the NSSO corrects until 30 days after the date.",
        ),
    ),
    Advice(
        words=VALIDITY_CANCELLED,
        evidence=Evidence.ASSUMED,
        worker=text(
            nl="Een registratie van u werd geannuleerd. Spreek uw verantwoordelijke aan.",
            fr="Un de vos enregistrements a été annulé. Adressez-vous à votre responsable.",
            de="Eine Ihrer Meldungen wurde storniert. Wenden Sie sich an Ihren Verantwortlichen.",
            en="A registration of yours was cancelled. Speak to your site manager.",
        ),
        manager=text(
            nl="Deze registratie is bij de dienst geannuleerd, maar niet door deze kiosk. Vraag na wie het deed.",
            fr="Cet enregistrement a été annulé auprès du service, mais pas par ce kiosque. Demandez qui l'a fait.",
            de="Diese Meldung wurde beim Dienst storniert, aber nicht von diesem Kiosk. Fragen Sie, wer es war.",
            en="This registration was cancelled at the service, but not by this kiosk. Ask who did it.",
        ),
    ),
)

_RAW: Final[Mapping[Audience, Text]] = {
    Audience.WORKER: text(
        nl="De dienst merkt op: {word}. Toon dit aan uw verantwoordelijke.",
        fr="Le service signale : {word}. Montrez ceci à votre responsable.",
        de="Der Dienst merkt an: {word}. Zeigen Sie dies Ihrem Verantwortlichen.",
        en="The service remarks: {word}. Show this to your site manager.",
    ),
    Audience.MANAGER: text(
        nl="De dienst zegt: {word}. Deze kiosk kent dat woord niet.",
        fr="Le service dit : {word}. Ce kiosque ne connaît pas ce mot.",
        de="Der Dienst sagt: {word}. Dieser Kiosk kennt das Wort nicht.",
        en="The service says: {word}. This kiosk does not know that word.",
    ),
}
_BY_WORD: Final = {word: advice for advice in WORDS for word in advice.words}
#: What a worker can read while he passes: characters of a remark shown as it came.
_SHORT: Final = 120
_DEFAULT: Final = Language.EN


def language_of(tag: str | None) -> Language:
    """Return the language of a BCP 47 tag (``fr-BE``); English where it is none of the four or not known."""
    primary = (tag or "").replace("_", "-").partition("-")[0].lower()
    return Language(primary) if primary in set(Language) else _DEFAULT


def is_good(validity: str) -> bool:
    """Whether a validity is good news, or none yet."""
    return validity.lower() in VALIDITY_GOOD or validity == VALIDITY_PENDING


def advise(words: Iterable[str], language: Language, audience: Audience) -> tuple[str, ...]:
    """Say in plain words what these words of the service mean, each sentence once; a word that is not known is shown raw.

    Args:
        words: Validities, remarks, reasons of a refusal; one may hold several issue types, joined by commas.
        language: In which language.
        audience: For whom.
    """
    return tuple(dict.fromkeys(_sentence(word, language, audience) for each in words for word in _parts(each)))


def advise_finding(validity: str, remarks: Iterable[str], language: Language, audience: Audience) -> tuple[str, ...]:
    """Say what the service found: its remarks, and a validity that is no good news. Remarks go first: they say more."""
    return advise((*remarks, *(() if is_good(validity) else (validity,))), language, audience)


def known(words: Iterable[str]) -> tuple[str, ...]:
    """Those of these words that have a meaning here; any other may be free text that names somebody."""
    return tuple(word for word in words if all(_key(part) in _BY_WORD for part in _parts(word)))


def _parts(word: str) -> Iterable[str]:
    """Several types joined by commas, or one remark in free text, which may have commas of its own."""
    parts = [part.strip() for part in word.split(",")]
    return parts if all(_key(part) in _BY_WORD for part in parts) else (word.strip(),)


def _sentence(word: str, language: Language, audience: Audience) -> str:
    advice = _BY_WORD.get(_key(word))
    if advice is None:
        return _RAW[audience][language].format(word=word if len(word) <= _SHORT else word[: _SHORT - 1] + "…")
    return (advice.worker if audience is Audience.WORKER else advice.manager)[language]


def _key(word: str) -> str:
    """What is left of a type without its name space: ``cbss:input-validation:replacedSsin`` is ``replacedssin``."""
    return word.rpartition(":")[2].strip().lower()
