"""The words of the poster beside the reader, in four languages: data. ``{days}`` and the like are filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.advice import Text, text
from kiosk.model import Signal

#: Headings and sentences, by a name of their own.
LABELS: Final[Mapping[str, Text]] = {
    "title": text(
        nl="Hier registreert u uw aanwezigheid",
        fr="Enregistrez ici votre présence",
        de="Hier melden Sie Ihre Anwesenheit",
        en="Register your presence here",
    ),
    "training": text(
        nl="OEFENING: hier wordt niets echt geregistreerd",
        fr="EXERCICE : rien n'est réellement enregistré ici",
        de="ÜBUNG: Hier wird nichts wirklich gemeldet",
        en="TRAINING: nothing is really registered here",
    ),
    "tap": text(
        nl="Houd uw badge tegen de lezer tot het licht brandt",
        fr="Tenez votre badge contre le lecteur jusqu'au signal lumineux",
        de="Halten Sie Ihre Karte an den Leser, bis das Licht leuchtet",
        en="Hold your badge to the reader until the light comes on",
    ),
    "arrive": text(nl="Bij aankomst", fr="En arrivant", de="Beim Kommen", en="When you arrive"),
    "leave": text(nl="Bij vertrek", fr="En partant", de="Beim Gehen", en="When you leave"),
    "lights": text(nl="Wat het licht zegt", fr="Ce que dit la lumière", de="Was das Licht sagt", en="What the light says"),
    "offline": text(
        nl="Een korte flits erachter: bewaard, wordt later verstuurd. Niet nog eens per telefoon registreren.",
        fr="Un éclair court à la fin : enregistré, envoyé plus tard. Ne vous enregistrez pas une seconde fois par téléphone.",
        de="Ein kurzer Blitz danach: gespeichert, wird später gesendet. Nicht noch einmal per Telefon melden.",
        en="A short flash at its end: saved, sent later. Do not register again by phone.",
    ),
    "fallback": text(
        nl="Rood, donker of niet geregistreerd? Registreer per telefoon:",
        fr="Rouge, éteint ou pas enregistré ? Enregistrez-vous par téléphone :",
        de="Rot, dunkel oder nicht gemeldet? Melden Sie sich per Telefon:",
        en="Red, dark or not registered? Register by phone:",
    ),
    "number": text(nl="Aangifte van werken", fr="Déclaration de travaux", de="Meldung der Arbeiten", en="Declaration of works"),
    "green": text(
        nl="Groen gezien? Dan niet nog eens per telefoon.",
        fr="Vu du vert ? Alors pas une seconde fois par téléphone.",
        de="Grün gesehen? Dann nicht noch einmal per Telefon.",
        en="Seen green? Then not again by phone.",
    ),
    "correct": text(nl="Fout of vergeten?", fr="Erreur ou oubli ?", de="Falsch oder vergessen?", en="Wrong or forgotten?"),
    "how": text(
        nl="Meld het dezelfde dag aan {contact}. Verbeteren kan tot {days} dagen later; niemand vult een tijdstip voor u in.",
        fr="Dites-le le jour même à {contact}. La correction reste possible {days} jours ; personne n'invente une heure pour vous.",
        de="Sagen Sie es am selben Tag {contact}. Berichtigt werden kann {days} Tage lang; niemand erfindet eine Zeit für Sie.",
        en="Tell {contact} the same day. It can be corrected for {days} days; nobody makes up a time for you.",
    ),
    "in_charge": text(
        nl="de verantwoordelijke van de werf",
        fr="le responsable du chantier",
        de="der Bauleitung",
        en="whoever is in charge of the site",
    ),
    "privacy": text(nl="Uw gegevens", fr="Vos données", de="Ihre Daten", en="Your data"),
    "kept": text(
        nl=(
            "Wat: uw INSZ, naam, werkgever, badgenummer, en waar en wanneer u badget. Waarom: de wettelijke"
            " aanwezigheidsregistratie. Aan wie: de RSZ en uw werkgever. Versleuteld op dit toestel: registraties {days} dagen,"
            " onbekende badges {cards} dagen, het bewijsregister {evidence} dagen."
        ),
        fr=(
            "Quoi : votre NISS, nom, employeur, numéro de badge, où et quand vous badgez. Pourquoi : l'enregistrement légal des"
            " présences. À qui : l'ONSS et votre employeur. Chiffré sur cet appareil : enregistrements {days} jours, badges"
            " inconnus {cards} jours, registre de preuve {evidence} jours."
        ),
        de=(
            "Was: Ihre INSZ, Name, Arbeitgeber, Kartennummer, wo und wann Sie sich melden. Wozu: die gesetzliche"
            " Anwesenheitsmeldung. An wen: das LSS und Ihr Arbeitgeber. Verschlüsselt auf diesem Gerät: Meldungen {days} Tage,"
            " unbekannte Karten {cards} Tage, das Beweisregister {evidence} Tage."
        ),
        en=(
            "What: your INSZ, name, employer, badge number, and where and when you tap. What for: the presence registration that"
            " the law asks. To whom: the NSSO and your employer. Encrypted on this box: registrations {days} days, unknown cards"
            " {cards} days, the record of evidence {evidence} days."
        ),
    ),
    "kept_here": text(
        nl=(
            "Wat: uw INSZ, naam, werkgever, badgenummer, en waar en wanneer u badget. Waarom: weten wie op de werf is; er wordt"
            " niets verstuurd. Versleuteld op dit toestel: {local} dagen, het bewijsregister {evidence} dagen."
        ),
        fr=(
            "Quoi : votre NISS, nom, employeur, numéro de badge, où et quand vous badgez. Pourquoi : savoir qui est sur le"
            " chantier ; rien n'est envoyé. Chiffré sur cet appareil : {local} jours, registre de preuve {evidence} jours."
        ),
        de=(
            "Was: Ihre INSZ, Name, Arbeitgeber, Kartennummer, wo und wann Sie sich melden. Wozu: wissen, wer auf der Baustelle"
            " ist; es wird nichts gesendet. Verschlüsselt auf diesem Gerät: {local} Tage, das Beweisregister {evidence} Tage."
        ),
        en=(
            "What: your INSZ, name, employer, badge number, and where and when you tap. What for: to know who is on the site;"
            " nothing is sent. Encrypted on this box: {local} days, the record of evidence {evidence} days."
        ),
    ),
    "ask": text(
        nl="Inzage, verbetering, vragen: {contact}. Klacht: Gegevensbeschermingsautoriteit, Drukpersstraat 35, 1000 Brussel.",
        fr="Accès, rectification, questions : {contact}. Plainte : Autorité de protection des données, rue de la Presse 35, 1000 Bruxelles.",  # noqa: E501
        de="Auskunft, Berichtigung, Fragen: {contact}. Beschwerde: Datenschutzbehörde, Drukpersstraat 35, 1000 Brüssel.",
        en="Access, correction, questions: {contact}. Complaint: Data Protection Authority, Drukpersstraat 35, 1000 Brussels.",
    ),
}

#: What each light means to whoever just tapped; the colour is named, for a printer without one.
SIGNALS: Final[Mapping[Signal, Text]] = {
    Signal.IN: text(
        nl="Groen: IN, geregistreerd", fr="Vert : ENTRÉE, enregistré", de="Grün: KOMMEN, gemeldet", en="Green: IN, registered"
    ),
    Signal.OUT: text(
        nl="Groen: UIT, geregistreerd", fr="Vert : SORTIE, enregistré", de="Grün: GEHEN, gemeldet", en="Green: OUT, registered"
    ),
    Signal.LOCAL: text(
        nl="Wit: genoteerd, hier hoeft niets gemeld",
        fr="Blanc : noté, rien à déclarer ici",
        de="Weiß: notiert, hier ist nichts zu melden",
        en="White: noted, nothing is owed here",
    ),
    Signal.ALREADY: text(
        nl="Oranje: u was al geregistreerd",
        fr="Orange : vous étiez déjà enregistré",
        de="Orange: Sie waren schon gemeldet",
        en="Amber: you were registered already",
    ),
    Signal.HELD: text(
        nl="Oranje: bewaard; vraag de verantwoordelijke",
        fr="Orange : conservé ; voyez le responsable",
        de="Orange: gespeichert; fragen Sie die Bauleitung",
        en="Amber: kept; see whoever is in charge",
    ),
    Signal.UNKNOWN_CARD: text(
        nl="Oranje: badge niet gekend, NIET geregistreerd",
        fr="Orange : badge inconnu, PAS enregistré",
        de="Orange: Karte unbekannt, NICHT gemeldet",
        en="Amber: badge not known, NOT registered",
    ),
    Signal.REVOKED: text(
        nl="Rood: badge geblokkeerd, NIET geregistreerd",
        fr="Rouge : badge bloqué, PAS enregistré",
        de="Rot: Karte gesperrt, NICHT gemeldet",
        en="Red: badge blocked, NOT registered",
    ),
    Signal.UNREADABLE: text(
        nl="Rood: niet gelezen, probeer opnieuw",
        fr="Rouge : pas lu, réessayez",
        de="Rot: nicht gelesen, noch einmal versuchen",
        en="Red: not read, try again",
    ),
    Signal.FAILED: text(
        nl="Rood, lang alarm: NIET bewaard",
        fr="Rouge, longue alarme : PAS conservé",
        de="Rot, langer Alarm: NICHT gespeichert",
        en="Red, long alarm: NOT saved",
    ),
}
