"""The words of a task's evidence sheet, in four languages: data. Those of a registration are the report's (``report_words``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.advice import Text, text

LABELS: Final[Mapping[str, Text]] = {
    "title": text(nl="Bewijsblad", fr="Fiche de preuve", de="Nachweisblatt", en="Evidence sheet"),
    "task": text(nl="Taak", fr="Tâche", de="Aufgabe", en="Task"),
    "kind": text(nl="Soort", fr="Type", de="Art", en="Kind"),
    "opened_at": text(nl="Geopend", fr="Ouverte", de="Eröffnet", en="Opened"),
    "note": text(nl="Nota", fr="Note", de="Notiz", en="Note"),
    "until": text(nl="Te corrigeren tot en met", fr="À corriger jusqu'au", de="Zu berichtigen bis", en="To be corrected until"),
    "person": text(nl="Persoon", fr="Personne", de="Person", en="Person"),
    "holder": text(nl="Nummer in de lijst", fr="Numéro dans la liste", de="Nummer in der Liste", en="Number in the roster"),
    "insz": text(nl="INSZ", fr="NISS", de="ENSS", en="INSZ"),
    "name": text(nl="Naam", fr="Nom", de="Name", en="Name"),
    "site": text(nl="Werf", fr="Chantier", de="Baustelle", en="Site"),
    "happened": text(nl="Wat er gebeurde", fr="Ce qui s'est passé", de="Was geschah", en="What happened"),
    "missing": text(nl="Wat ontbreekt", fr="Ce qui manque", de="Was fehlt", en="What is missing"),
    "by_pen": text(
        nl="Met de pen in te vullen door wie erbij was; deze kiosk vult geen tijd in.",
        fr="À remplir au stylo par qui était présent ; ce kiosque ne remplit aucune heure.",
        de="Mit dem Stift auszufüllen von dem, der dabei war; dieser Kiosk trägt keine Zeit ein.",
        en="To be filled in with a pen by whoever was there; this kiosk fills in no time.",
    ),
    "in": text(
        nl="Aankomst (datum en uur)", fr="Arrivée (date et heure)", de="Ankunft (Datum, Uhrzeit)", en="Arrival (date, time)"
    ),
    "out": text(
        nl="Vertrek (datum en uur)", fr="Départ (date et heure)", de="Abgang (Datum, Uhrzeit)", en="Departure (date, time)"
    ),
    "remark": text(nl="Opmerking", fr="Remarque", de="Anmerkung", en="Remark"),
    "signed": text(
        nl="Naam, datum, handtekening", fr="Nom, date, signature", de="Name, Datum, Unterschrift", en="Name, date, signature"
    ),
    "contact": text(
        nl="Wie vraagt de correctie", fr="Qui demande la correction", de="Wer bittet darum", en="Who asks for the correction"
    ),
    "reference": text(nl="Te vermelden", fr="À mentionner", de="Anzugeben", en="To be given"),
    "registration_id": text(nl="Nummer bij RSZ", fr="Numéro à l'ONSS", de="Nummer beim LSS", en="Number at the NSSO"),
    "registration_date": text(nl="Tijdstip", fr="Moment", de="Zeitpunkt", en="Moment"),
    "employer": text(nl="Werkgever", fr="Employeur", de="Arbeitgeber", en="Employer"),
    "declaration": text(nl="Aangifte van werken", fr="Déclaration de travaux", de="Werkmeldung", en="Declaration of works"),
    "masked": text(
        nl="Het INSZ is afgedekt en de naam weggelaten.",
        fr="Le NISS est masqué et le nom omis.",
        de="Die ENSS ist verdeckt und der Name weggelassen.",
        en="The INSZ is masked and the name left out.",
    ),
    "revealed": text(
        nl="Bevat persoonsgegevens: geef dit alleen aan wie ze mag zien.",
        fr="Contient des données personnelles : ne le remettez qu'à qui peut les voir.",
        de="Enthält personenbezogene Daten: nur an Befugte weitergeben.",
        en="Holds personal data: hand it to nobody who may not see them.",
    ),
    "none": text(
        nl="Van deze persoon is die dag hier geen tik bekend.",
        fr="Aucun badgeage de cette personne n'est connu ici ce jour-là.",
        de="Von dieser Person ist hier an dem Tag kein Stempeln bekannt.",
        en="No tap of this person is known here for that day.",
    ),
}
