"""The words of the monthly report, in four languages: data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.advice import Text, text

#: Headings, by the name of the column in the files for programs, and by names of their own.
LABELS: Final[Mapping[str, Text]] = {
    "title": text(nl="Aanwezigheden per maand", fr="Présences du mois", de="Anwesenheiten im Monat", en="Presences of the month"),
    "made": text(nl="Gemaakt", fr="Établi", de="Erstellt", en="Made"),
    "export": text(nl="Post van het register", fr="Entrée du registre", de="Eintrag im Register", en="Entry of the record"),
    "stays": text(nl="Aanwezigheden", fr="Présences", de="Anwesenheiten", en="Stays"),
    "days": text(nl="Dagen", fr="Jours", de="Tage", en="Days"),
    "sums": text(nl="Totalen", fr="Totaux", de="Summen", en="Sums"),
    "notes": text(nl="Te weten", fr="À savoir", de="Zu beachten", en="To know"),
    "person": text(nl="Personeelsnummer", fr="Numéro de personnel", de="Personalnummer", en="Personnel number"),
    "name": text(nl="Naam", fr="Nom", de="Name", en="Name"),
    "day": text(nl="Dag", fr="Jour", de="Tag", en="Day"),
    "site": text(nl="Werf", fr="Chantier", de="Baustelle", en="Site"),
    "employer": text(nl="Werkgever", fr="Employeur", de="Arbeitgeber", en="Employer"),
    "declaration": text(nl="Aangifte van werken", fr="Déclaration de travaux", de="Werkmeldung", en="Declaration of works"),
    "in": text(nl="In", fr="Entrée", de="Kommen", en="In"),
    "in_state": text(nl="Toestand in", fr="État entrée", de="Stand Kommen", en="State of in"),
    "in_channel": text(nl="Kanaal in", fr="Canal entrée", de="Kanal Kommen", en="Channel of in"),
    "out": text(nl="Uit", fr="Sortie", de="Gehen", en="Out"),
    "out_state": text(nl="Toestand uit", fr="État sortie", de="Stand Gehen", en="State of out"),
    "out_channel": text(nl="Kanaal uit", fr="Canal sortie", de="Kanal Gehen", en="Channel of out"),
    "duration": text(nl="Duur", fr="Durée", de="Dauer", en="Length"),
    "break": text(nl="Pauze erna", fr="Pause ensuite", de="Pause danach", en="Break after it"),
    "gap": text(nl="Ontbreekt", fr="Manque", de="Fehlt", en="Missing"),
    "count": text(nl="Aantal", fr="Nombre", de="Anzahl", en="Number"),
    "gaps": text(nl="Onvolledig", fr="Incomplètes", de="Unvollständig", en="Incomplete"),
}

#: Why a line has no length.
GAPS: Final[Mapping[str, Text]] = {
    "no_in": text(nl="IN ontbreekt", fr="ENTRÉE manquante", de="KOMMEN fehlt", en="IN is missing"),
    "no_out": text(nl="UIT ontbreekt", fr="SORTIE manquante", de="GEHEN fehlt", en="OUT is missing"),
    "still_in": text(nl="nog aanwezig", fr="encore présent", de="noch anwesend", en="still inside"),
    "no_time": text(nl="tijdstip niet gekend", fr="moment inconnu", de="Zeit nicht bekannt", en="time not known"),
    "not_confirmed": text(
        nl="niet bevestigd door de persoon",
        fr="pas confirmé par la personne",
        de="nicht von der Person bestätigt",
        en="not confirmed by the person",
    ),
    "cancelled": text(nl="geannuleerd", fr="annulé", de="storniert", en="cancelled"),
}

#: What became of a registration, and where it was made.
STATES: Final[Mapping[str, Text]] = {
    "queued": text(nl="nog te versturen", fr="à envoyer", de="noch zu senden", en="to be sent"),
    "in_flight": text(nl="onderweg", fr="en cours d'envoi", de="unterwegs", en="on its way"),
    "unknown": text(nl="onbekend", fr="inconnu", de="unbekannt", en="unknown"),
    "accepted": text(nl="aanvaard", fr="accepté", de="angenommen", en="accepted"),
    "refused": text(nl="geweigerd", fr="refusé", de="abgelehnt", en="refused"),
    "held": text(nl="vastgehouden", fr="retenu", de="zurückgehalten", en="held"),
    "cancelled": text(nl="geannuleerd", fr="annulé", de="storniert", en="cancelled"),
    "local": text(nl="niet verplicht", fr="pas dû", de="nicht nötig", en="not owed"),
}
CHANNELS: Final[Mapping[str, Text]] = {
    "box": text(nl="badge", fr="badge", de="Karte", en="badge"),
    "other": text(nl="ander kanaal", fr="autre canal", de="anderer Kanal", en="another channel"),
}

#: What whoever uses the figures must know; ``{date}``, ``{days}`` and ``{count}`` are filled in.
NOTES: Final[Mapping[str, Text]] = {
    "nothing_filled_in": text(
        nl="Alleen wat gebadged is staat hierin. Waar iets ontbreekt is geen duur berekend en niets aangevuld.",
        fr="Seul ce qui a été badgé figure ici. Où quelque chose manque, aucune durée n'est calculée ni rien complété.",
        de="Hier steht nur, was gestempelt wurde. Wo etwas fehlt, ist keine Dauer berechnet und nichts ergänzt.",
        en="Only what was tapped is in here. Where something is missing, no length was computed and nothing filled in.",
    ),
    "training": text(
        nl="OEFENING: niets hiervan is echt geregistreerd.",
        fr="EXERCICE : rien de ceci n'est réellement enregistré.",
        de="ÜBUNG: Nichts davon ist wirklich gemeldet.",
        en="TRAINING: nothing of this is really registered.",
    ),
    "not_over": text(
        nl="De maand was nog niet voorbij.",
        fr="Le mois n'était pas terminé.",
        de="Der Monat war noch nicht vorbei.",
        en="The month was not over yet.",
    ),
    "purged": text(
        nl="Registraties van voor {date} zijn verwijderd: wat toen was kan hier ontbreken.",
        fr="Les enregistrements d'avant {date} ont été effacés : ce qui précède peut manquer ici.",
        de="Meldungen vor {date} wurden gelöscht: Was davor war, kann hier fehlen.",
        en="Rows before {date} were purged: what was before may be missing here.",
    ),
    "purged_local": text(
        nl="Badges zonder aangifteplicht blijven {days} dagen: die van voor {date} kunnen ontbreken.",
        fr="Les badges sans obligation restent {days} jours : ceux d'avant {date} peuvent manquer.",
        de="Stempelungen ohne Meldepflicht bleiben {days} Tage: Die vor {date} können fehlen.",
        en="Taps that owe nothing are kept for {days} days: those before {date} may be missing.",
    ),
    "purged_elsewhere": text(
        nl="Registraties via andere kanalen blijven {days} dagen: die van voor {date} kunnen ontbreken.",
        fr="Les enregistrements par d'autres canaux restent {days} jours : ceux d'avant {date} peuvent manquer.",
        de="Meldungen über andere Kanäle bleiben {days} Tage: Die vor {date} können fehlen.",
        en="Registrations by other channels are kept for {days} days: those before {date} may be missing.",
    ),
    "undated": text(
        nl="Badges waarvan het tijdstip niet gekend is: {count}. Ze kunnen in deze maand liggen of in een andere.",
        fr="Badges dont le moment est inconnu : {count}. Ils peuvent être de ce mois ou d'un autre.",
        de="Stempelungen, deren Zeit nicht bekannt ist: {count}. Sie können in diesem Monat liegen oder in einem anderen.",
        en="Taps whose time is not known: {count}. They may lie in this month or in another.",
    ),
}
