"""The words of the evidence report, in four languages: data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.advice import Text, text

#: Headings and sentences, by a name of their own.
LABELS: Final[Mapping[str, Text]] = {
    "title": text(
        nl="Bewijs van aanwezigheidsregistraties",
        fr="Preuve des enregistrements de présence",
        de="Nachweis der Anwesenheitsmeldungen",
        en="Evidence of presence registrations",
    ),
    "site": text(nl="Werf", fr="Chantier", de="Baustelle", en="Site"),
    "period": text(nl="Periode", fr="Période", de="Zeitraum", en="Period"),
    "whole": text(nl="alles wat bewaard is", fr="tout ce qui est conservé", de="alles Aufbewahrte", en="everything that is kept"),
    "holder": text(nl="Persoon (nummer)", fr="Personne (numéro)", de="Person (Nummer)", en="Person (number)"),
    "everybody": text(nl="iedereen", fr="tous", de="alle", en="everybody"),
    "made": text(nl="Gemaakt", fr="Établi", de="Erstellt", en="Made"),
    "export": text(nl="Uitvoer, post van het register", fr="Export, entrée du registre", de="Export, Eintrag", en="Export, entry"),
    "key": text(nl="Openbare sleutel", fr="Clé publique", de="Öffentlicher Schlüssel", en="Public key"),
    "unsigned": text(nl="niet ondertekend", fr="non signé", de="nicht signiert", en="not signed"),
    "masked": text(
        nl="Nummers zijn afgedekt en namen weggelaten.",
        fr="Les numéros sont masqués et les noms omis.",
        de="Nummern sind verdeckt und Namen weggelassen.",
        en="Numbers are masked and names left out.",
    ),
    "revealed": text(
        nl="Bevat persoonsgegevens: geef dit alleen aan wie ze mag zien.",
        fr="Contient des données personnelles : ne le remettez qu'à qui peut les voir.",
        de="Enthält personenbezogene Daten: nur an Befugte weitergeben.",
        en="Holds personal data: hand it to nobody who may not see them.",
    ),
    "proof": text(
        nl="Elke post volgt uit de vorige (chain.jsonl); nagaan: python3 verify.py. Ondertekend door de sleutel van deze kiosk.",
        fr="Chaque entrée découle de la précédente (chain.jsonl) ; vérifier : python3 verify.py. Signé par la clé de ce kiosque.",
        de="Jeder Eintrag folgt aus dem vorigen (chain.jsonl); prüfen: python3 verify.py. Signiert von diesem Kiosk.",
        en="Each entry follows from the one before (chain.jsonl); to verify: python3 verify.py. Signed by the key of this kiosk.",
    ),
    "none": text(nl="Geen registraties.", fr="Aucun enregistrement.", de="Keine Meldungen.", en="No registrations."),
    "registration": text(nl="Registratie", fr="Enregistrement", de="Meldung", en="Registration"),
    "insz": text(nl="INSZ", fr="NISS", de="ENSS", en="INSZ"),
    "name": text(nl="Naam", fr="Nom", de="Name", en="Name"),
    "card": text(nl="Badge", fr="Badge", de="Ausweis", en="Badge"),
    "registration_date": text(nl="Tijdstip", fr="Moment", de="Zeitpunkt", en="Moment"),
    "reading": text(nl="De klok zei", fr="L'horloge indiquait", de="Die Uhr zeigte", en="The clock said"),
    "clock": text(nl="Tijd gewaarborgd door", fr="Heure garantie par", de="Zeit verbürgt durch", en="Time vouched for by"),
    "bound": text(nl="fout hoogstens (s)", fr="erreur au plus (s)", de="Fehler höchstens (s)", en="error at most (s)"),
    "healed_at": text(
        nl="Tijdstip later bepaald", fr="Moment établi plus tard", de="Zeitpunkt später bestimmt", en="Moment determined later"
    ),
    "between": text(nl="Ligt tussen", fr="Se situe entre", de="Liegt zwischen", en="Lies between"),
    "reader": text(nl="Lezer", fr="Lecteur", de="Leser", en="Reader"),
    "signal": text(nl="Getoond", fr="Affiché", de="Angezeigt", en="Shown"),
    "state": text(nl="Toestand", fr="État", de="Stand", en="State"),
    "reason": text(nl="Reden", fr="Raison", de="Grund", en="Reason"),
    "employer": text(nl="Werkgever", fr="Employeur", de="Arbeitgeber", en="Employer"),
    "declaration": text(nl="Aangifte van werken", fr="Déclaration de travaux", de="Werkmeldung", en="Declaration of works"),
    "registration_id": text(nl="Nummer bij RSZ", fr="Numéro à l'ONSS", de="Nummer beim LSS", en="Number at the NSSO"),
    "confirmed_at": text(nl="Bevestigd", fr="Confirmé", de="Bestätigt", en="Confirmed"),
    "validity": text(nl="Bevinding van RSZ", fr="Constat de l'ONSS", de="Befund des LSS", en="The NSSO's finding"),
    "remarks": text(nl="Opmerkingen", fr="Remarques", de="Anmerkungen", en="Remarks"),
    "withheld": text(
        nl="opmerkingen weggelaten: {count}", fr="remarques omises : {count}", de="weggelassen: {count}", en="left out: {count}"
    ),
    "attempts": text(nl="Pogingen", fr="Tentatives", de="Versuche", en="Attempts"),
    "outages": text(nl="Storingen in die tijd", fr="Pannes pendant ce temps", de="Störungen dabei", en="Outages meanwhile"),
    "history": text(nl="Posten van het register", fr="Entrées du registre", de="Einträge", en="Entries of the record"),
    "lasts": text(nl="duurt nog", fr="dure encore", de="dauert an", en="still lasts"),
}
#: States, outcomes, faults and kinds of entries, by the words of the record; what is not here is shown as it stands there.
WORDS: Final[Mapping[str, Text]] = {
    "in": text(nl="IN", fr="IN", de="IN", en="IN"),
    "out": text(nl="OUT", fr="OUT", de="OUT", en="OUT"),
    "queued": text(nl="wacht op verzending", fr="en attente d'envoi", de="wartet auf Versand", en="waits to be sent"),
    "in_flight": text(nl="onderweg", fr="en cours d'envoi", de="unterwegs", en="on its way"),
    "unknown": text(
        nl="onbekend of aangekomen", fr="arrivée inconnue", de="unbekannt, ob angekommen", en="not known whether it arrived"
    ),
    "accepted": text(nl="aanvaard", fr="accepté", de="angenommen", en="accepted"),
    "refused": text(nl="geweigerd", fr="refusé", de="abgelehnt", en="refused"),
    "held": text(nl="tegengehouden", fr="retenu", de="zurückgehalten", en="held"),
    "cancelled": text(nl="geannuleerd", fr="annulé", de="storniert", en="cancelled"),
    "not_sent": text(nl="niet vertrokken", fr="pas parti", de="nicht abgegangen", en="not sent"),
    "not_now": text(nl="nu niet, zei de dienst", fr="pas maintenant, dit le service", de="jetzt nicht", en="not now"),
    "too_large": text(nl="te veel ineens", fr="trop à la fois", de="zu viel auf einmal", en="too many at once"),
    "configuration": text(nl="instelling", fr="configuration", de="Einstellung", en="configuration"),
    "network": text(nl="netwerk", fr="réseau", de="Netz", en="network"),
    "token": text(nl="aanmelding", fr="authentification", de="Anmeldung", en="token"),
    "service": text(nl="dienst", fr="service", de="Dienst", en="service"),
    "tap": text(nl="badge gelezen", fr="badge lu", de="Ausweis gelesen", en="tap"),
    "verdict": text(nl="antwoord van de dienst", fr="réponse du service", de="Antwort des Dienstes", en="answer of the service"),
    "retried": text(nl="opnieuw opgesteld", fr="refait", de="neu erstellt", en="built again"),
    "released": text(nl="vrijgegeven", fr="libéré", de="freigegeben", en="released"),
    "cancel_requested": text(
        nl="annulering gevraagd", fr="annulation demandée", de="Stornierung verlangt", en="cancellation asked"
    ),
    "resolved": text(nl="met de hand beslist", fr="réglé à la main", de="von Hand geklärt", en="settled by hand"),
    "healed": text(nl="tijdstip bepaald", fr="moment établi", de="Zeitpunkt bestimmt", en="moment determined"),
    "task_closed": text(nl="taak afgesloten", fr="tâche close", de="Aufgabe erledigt", en="task closed"),
    "exported": text(nl="uitgevoerd", fr="exporté", de="exportiert", en="exported"),
    "erased": text(nl="gewist", fr="effacé", de="gelöscht", en="erased"),
}
