"""The words in which a person is told what this box holds of him, in four languages: data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.advice import Text, text

#: Headings and sentences, by a name of their own; those of places by the words of ``erasure.PLACES``.
LABELS: Final[Mapping[str, Text]] = {
    "title": text(
        nl="Uw gegevens in deze kiosk",
        fr="Vos données dans ce kiosque",
        de="Ihre Daten in diesem Kiosk",
        en="Your data in this kiosk",
    ),
    "about": text(
        nl="Antwoord op uw verzoek om inzage (AVG, artikel 15). De namen van de velden zijn die van het programma.",
        fr="Réponse à votre demande d'accès (RGPD, article 15). Les noms des champs sont ceux du programme.",
        de="Antwort auf Ihren Antrag auf Auskunft (DSGVO, Artikel 15). Die Namen der Felder sind die des Programms.",
        en="Answer to your request for access (GDPR, article 15). The names of the fields are the program's own.",
    ),
    "purpose": text(
        nl="Waarvoor: uw aanwezigheid melden bij de RSZ (Check In and Out at Work), zoals de wet het van uw werkgever vraagt.",
        fr="Pourquoi : déclarer votre présence à l'ONSS (Check In and Out at Work), comme la loi le demande à votre employeur.",
        de="Wozu: Ihre Anwesenheit dem LSS melden (Check In and Out at Work), wie das Gesetz es von Ihrem Arbeitgeber verlangt.",
        en="What for: to register your presence with the NSSO (Check In and Out at Work), as the law asks of your employer.",
    ),
    "recipients": text(
        nl="Wie ze kreeg: de RSZ, en wie een export van het bewijs kreeg (posten `exported` hieronder).",
        fr="Qui les a reçues : l'ONSS, et qui a reçu un export des preuves (entrées `exported` ci-dessous).",
        de="Wer sie bekam: das LSS, und wer einen Export der Nachweise bekam (Einträge `exported` unten).",
        en="Who was given them: the NSSO, and whoever was given an export of evidence (entries `exported` below).",
    ),
    "rights": text(
        nl="Een fout in uw gegevens laat u verbeteren door wie deze kiosk beheert; wat de RSZ heeft, door de RSZ.",
        fr="Faites corriger une erreur par qui gère ce kiosque ; ce que détient l'ONSS, par l'ONSS.",
        de="Einen Fehler berichtigt, wer diesen Kiosk verwaltet; was das LSS hat, das LSS.",
        en="Have a mistake corrected by whoever manages this kiosk; what the NSSO holds, by the NSSO.",
    ),
    "kept": text(
        nl="Wat hoelang en waarom bewaard wordt",
        fr="Ce qui est conservé, combien de temps et pourquoi",
        de="Was wie lange und warum aufbewahrt wird",
        en="What is kept, how long and why",
    ),
    "days": text(
        nl="{days} dagen; het laatste tot {last}",
        fr="{days} jours ; le dernier jusqu'au {last}",
        de="{days} Tage; das letzte bis {last}",
        en="{days} days; the last of it until {last}",
    ),
    "forgotten": text(
        nl="tot u hier niet meer werkt en gewist wordt",
        fr="jusqu'à votre départ et votre effacement",
        de="bis Sie hier nicht mehr arbeiten und gelöscht werden",
        en="until you no longer work here and are erased",
    ),
    "nothing": text(nl="niets", fr="rien", de="nichts", en="nothing"),
    "profiles": text(nl="Wie u bent", fr="Qui vous êtes", de="Wer Sie sind", en="Who you are"),
    "badges": text(nl="Badges", fr="Badges", de="Ausweise", en="Badges"),
    "registrations": text(nl="Registraties", fr="Enregistrements", de="Meldungen", en="Registrations"),
    "taps": text(nl="Badges zonder melding", fr="Passages sans déclaration", de="Stempel ohne Meldung", en="Taps that owe nothing"),
    "other_channels": text(nl="Via een ander kanaal", fr="Par un autre canal", de="Auf anderem Weg", en="By another channel"),
    "tasks": text(nl="Taken over u", fr="Tâches à votre sujet", de="Aufgaben zu Ihnen", en="Tasks about you"),
    "notices": text(nl="Wat u te horen krijgt", fr="Ce qui vous est dit", de="Was Ihnen gesagt wird", en="What you are told"),
    "entries": text(nl="Het bewijsregister", fr="Le registre des preuves", de="Das Nachweisregister", en="The record of evidence"),
}
#: Why something is kept that long, by the words of ``erasure.PLACES``.
WHY: Final[Mapping[str, Text]] = {
    "profiles": text(
        nl="de RSZ wil uw nummer en uw werkgever", fr="l'ONSS veut votre numéro et votre employeur",
        de="das LSS will Ihre Nummer und Ihren Arbeitgeber", en="the NSSO wants your number and your employer",
    ),
    "badges": text(
        nl="zodat de lezer u herkent", fr="pour que le lecteur vous reconnaisse", de="damit der Leser Sie erkennt",
        en="so that the reader knows you",
    ),
    "registrations": text(
        nl="de RSZ verbetert tot 30 dagen terug; daarna controleert de loonadministratie",
        fr="l'ONSS corrige jusqu'à 30 jours en arrière ; ensuite la paie vérifie",
        de="das LSS berichtigt bis 30 Tage zurück; danach prüft die Lohnbuchhaltung",
        en="the NSSO corrects for 30 days; then payroll checks",
    ),
    "taps": text(nl="wie is er nu", fr="qui est là", de="wer ist da", en="who is here"),
    "other_channels": text(
        nl="verklaart wat de RSZ toont", fr="explique ce que l'ONSS montre", de="erklärt, was das LSS zeigt",
        en="explains what the NSSO shows",
    ),
    "tasks": text(
        nl="wie heeft wat geregeld", fr="qui a réglé quoi", de="wer hat was geklärt", en="who settled what",
    ),
    "notices": text(nl="maar één keer gezegd", fr="dit une seule fois", de="nur einmal gesagt", en="told only once"),
    "entries": text(
        nl="bewijs zolang inbreuken vervolgd kunnen worden", fr="preuve tant que des infractions peuvent être poursuivies",
        de="Nachweis, solange Verstöße verfolgt werden können", en="proof for as long as offences can be prosecuted",
    ),
}  # fmt: skip
