"""What hangs beside a reader of identity cards: what is read of them, what for, and that a badge does as well. Data.

A person must know this before the card is in the slot (GDPR, article 13), and nobody may be made to use it where another way
is open to him. The purpose is the admin's own sentence, in whatever language he wrote it.
"""

from __future__ import annotations

from typing import Final

from kiosk.advice import Language, Text, text

_NOTICE: Final[Text] = text(
    nl=(
        "LEZER VOOR IDENTITEITSKAARTEN - {site}\n"
        "Waarom: {purpose}\n"
        "Gelezen zonder pincode: uw rijksregisternummer, de geldigheid en de soort van de kaart. {whole}"
        "Niet gelezen: foto en adres.\n"
        "Bewaard: uw aanwezigheidsregistraties, versleuteld, {days} dagen en in het bewijsregister {evidence} dagen.\n"
        "Liever een badge? Vraag ernaar: u hoeft uw identiteitskaart hier niet te gebruiken.\n"
        "Vragen, inzage of verbetering: bij de verantwoordelijke van de werf."
    ),
    fr=(
        "LECTEUR DE CARTES D'IDENTITÉ - {site}\n"
        "Pourquoi : {purpose}\n"
        "Lu sans code PIN : votre numéro de registre national, la validité et le type de la carte. {whole}"
        "Pas lu : photo et adresse.\n"
        "Conservé : vos enregistrements de présence, chiffrés, {days} jours et dans le registre de preuve {evidence} jours.\n"
        "Plutôt un badge ? Demandez-le : vous ne devez pas utiliser votre carte d'identité ici.\n"
        "Questions, accès ou rectification : auprès du responsable du chantier."
    ),
    de=(
        "LESER FÜR PERSONALAUSWEISE - {site}\n"
        "Wozu: {purpose}\n"
        "Ohne PIN gelesen: Ihre Nationalregisternummer, die Gültigkeit und die Art der Karte. {whole}"
        "Nicht gelesen: Foto und Adresse.\n"
        "Aufbewahrt: Ihre Anwesenheitsmeldungen, verschlüsselt, {days} Tage und im Beweisregister {evidence} Tage.\n"
        "Lieber eine Stempelkarte? Fragen Sie danach: Sie müssen Ihren Personalausweis hier nicht benutzen.\n"
        "Fragen, Auskunft oder Berichtigung: bei der Bauleitung."
    ),
    en=(
        "READER FOR IDENTITY CARDS - {site}\n"
        "What for: {purpose}\n"
        "Read without PIN: your national number, until when the card is valid and what kind it is. {whole}"
        "Not read: photo and address.\n"
        "Kept: your presence registrations, encrypted, for {days} days, and in the record of evidence for {evidence} days.\n"
        "Rather a badge? Ask for one: you need not use your identity card here.\n"
        "Questions, access or correction: ask whoever is in charge of the site."
    ),
)
#: Older cards give nothing out but their identity file as a whole, and so does every card whose signature is checked.
_WHOLE: Final[Text] = text(
    nl="Naam en andere gegevens op de chip worden daarbij mee gelezen en meteen vergeten. ",
    fr="Le nom et d'autres données de la puce sont lus au passage et oubliés aussitôt. ",
    de="Name und andere Angaben auf dem Chip werden dabei mitgelesen und sofort vergessen. ",
    en="The name and other data on the chip are read along with it and forgotten at once. ",
)


def notice(language: Language, *, site: str, purpose: str, registrations_days: int, evidence_days: int) -> str:
    """Write the notice.

    Args:
        language: In which language.
        site: The site's name.
        purpose: What the cards are read for, as the admin put it.
        registrations_days: How long finished registrations are kept.
        evidence_days: How long the record keeps what it says of people.
    """
    return _NOTICE[language].format(
        site=site, purpose=purpose, whole=_WHOLE[language], days=registrations_days, evidence=evidence_days
    )
