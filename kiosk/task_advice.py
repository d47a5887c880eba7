"""What a human can do about each kind of task, in four languages: data.

Not for those about words of the service (``refused``, ``validity``, ``remark``): what they mean stands in ``kiosk.advice``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kiosk.advice import Text, text
from kiosk.deadlines import Asker
from kiosk.model import Reason, TaskKind

ON_TASKS: Final[Mapping[TaskKind, Text]] = {
    TaskKind.LOST: text(
        nl="De dienst nam deze registratie aan en toont ze niet meer. Vraag de RSZ ernaar, met nummer en tijdstip.",
        fr="Le service a accepté cet enregistrement et ne le montre plus. Demandez à l'ONSS, avec numéro et heure.",
        de="Der Dienst nahm diese Meldung an und zeigt sie nicht mehr. Fragen Sie das LSS, mit Nummer und Zeitpunkt.",
        en="The service accepted this registration and does not show it any more. Ask the NSSO, with its id and time.",
    ),
    TaskKind.DUPLICATE: text(
        nl="De dienst toont deze registratie twee keer. Laat de tweede annuleren (zie de nota).",
        fr="Le service montre cet enregistrement deux fois. Faites annuler le second (voir la note).",
        de="Der Dienst zeigt diese Meldung zweimal. Lassen Sie die zweite stornieren (siehe Notiz).",
        en="The service shows this registration twice. Have the second one cancelled (see the note).",
    ),
    TaskKind.DIFFERENT: text(
        nl="De dienst toont deze registratie anders dan ze hier staat. Vergelijk: kiosk registrations show.",
        fr="Le service montre cet enregistrement autrement qu'ici. Comparez : kiosk registrations show.",
        de="Der Dienst zeigt diese Meldung anders, als sie hier steht. Vergleichen Sie: kiosk registrations show.",
        en="The service shows this registration otherwise than it is here. Compare: kiosk registrations show.",
    ),
    TaskKind.OVERLAP: text(
        nl="Deze persoon is tegelijk nog ergens binnen (zie de nota). Vraag waar hij was; laat de foute annuleren.",
        fr="Cette personne est présente ailleurs en même temps (voir la note). Demandez où; faites annuler le faux.",
        de="Diese Person ist zugleich noch anderswo da (siehe Notiz). Fragen Sie, wo sie war; lassen Sie das Falsche stornieren.",
        en="This person is inside twice at once (see the note). Ask where he was; have the wrong one cancelled.",
    ),
    TaskKind.JOURNEY: text(
        nl="Deze persoon zou zo snel niet kunnen reizen (zie de nota): iemand anders gebruikt zijn badge of nummer. Vraag wie.",
        fr="Personne ne voyage si vite (voir la note) : un autre utilise son badge ou son numéro. Demandez qui.",
        de="So schnell reist niemand (siehe Notiz): Ein anderer benutzt Karte oder Nummer dieser Person. Fragen Sie, wer.",
        en="Nobody travels so fast (see the note): somebody else uses this person's badge or number. Ask who; kiosk badge revoke.",
    ),
    TaskKind.MISPLACED: text(
        nl="Dit toestel staat niet waar het hoort; de taps wachten. Breng het terug, of: kiosk site move.",
        fr="Cet appareil n'est pas à sa place; les badgeages attendent. Ramenez-le, ou : kiosk site move.",
        de="Dieses Gerät steht nicht, wo es hingehört; die Meldungen warten. Bringen Sie es zurück, oder: kiosk site move.",
        en="This box is not where it should be; its taps wait. Bring it back, or: kiosk site move.",
    ),
    TaskKind.HELD: text(
        nl="Deze registratie wacht op u; de reden: kiosk outbox show. Versturen, als het geregeld is: kiosk outbox release.",
        fr="Cet enregistrement vous attend; la raison : kiosk outbox show. L'envoyer, une fois réglé : kiosk outbox release.",
        de="Diese Meldung wartet auf Sie; der Grund: kiosk outbox show. Senden, wenn geregelt: kiosk outbox release.",
        en="This registration waits for you; the reason: kiosk outbox show. To send it once that is settled: kiosk outbox release.",
    ),
    TaskKind.UNKNOWN: text(
        nl="Of de dienst deze registratie heeft, is niet bekend. Kijk op zijn eigen site, dan: kiosk outbox resolve.",
        fr="On ne sait pas si le service a cet enregistrement. Regardez sur son propre site, puis : kiosk outbox resolve.",
        de="Ob der Dienst diese Meldung hat, ist unbekannt. Sehen Sie auf seiner eigenen Seite nach, dann: kiosk outbox resolve.",
        en="Whether the service has this registration is not known. Look at its own site, then: kiosk outbox resolve.",
    ),
    TaskKind.GROUP_PAUSED: text(
        nl="De dienst weigert de registraties van deze werkgever; ze wachten. Controleer zijn machtiging: kiosk doctor.",
        fr="Le service refuse les enregistrements de cet employeur; ils attendent. Vérifiez sa permission : kiosk doctor.",
        de="Der Dienst lehnt die Meldungen dieses Arbeitgebers ab; sie warten. Prüfen Sie seine Erlaubnis: kiosk doctor.",
        en="The service refuses this employer's registrations; they wait. Check his permission: kiosk doctor.",
    ),
    TaskKind.BACKLOG: text(
        nl="Registraties wachten al lang; er gaat niets verloren. Kijk netwerk en dienst na: kiosk doctor.",
        fr="Des enregistrements attendent depuis longtemps; rien n'est perdu. Vérifiez réseau et service : kiosk doctor.",
        de="Meldungen warten schon lange; nichts geht verloren. Prüfen Sie Netz und Dienst: kiosk doctor.",
        en="Registrations have been waiting for long; nothing is lost. Check network and service: kiosk doctor.",
    ),
    TaskKind.MISSING_OUT: text(
        nl="Deze persoon vertrok zonder te badgen. Vraag hem wanneer; is het geregeld, dan: kiosk tasks close.",
        fr="Cette personne est partie sans badger. Demandez-lui quand; si c'est réglé : kiosk tasks close.",
        de="Diese Person ging, ohne zu stempeln. Fragen Sie, wann; ist es geregelt, dann: kiosk tasks close.",
        en="This person left without a tap. Ask when; once it is settled: kiosk tasks close.",
    ),
    TaskKind.MISSING_IN: text(
        nl="Van deze persoon is er een OUT zonder IN. Vraag hem wanneer hij kwam; is het geregeld, dan: kiosk tasks close.",
        fr="Cette personne a un OUT sans IN. Demandez-lui quand elle est arrivée; si c'est réglé : kiosk tasks close.",
        de="Diese Person hat ein OUT ohne IN. Fragen Sie, wann sie kam; ist es geregelt, dann: kiosk tasks close.",
        en="This person has an OUT without an IN. Ask when he came; once it is settled: kiosk tasks close.",
    ),
    TaskKind.LONG_STAY: text(
        nl="Dit verblijf duurde erg lang: misschien ontbreekt een tik. Vraag het; is het geregeld, dan: kiosk tasks close.",
        fr="Ce séjour a duré très longtemps : il manque peut-être un badgeage. Demandez; si c'est réglé : kiosk tasks close.",
        de="Dieser Aufenthalt war sehr lang: vielleicht fehlt ein Stempeln. Fragen Sie; ist es geregelt, dann: kiosk tasks close.",
        en="This stay was very long: a tap may be missing. Ask; once it is settled: kiosk tasks close.",
    ),
    TaskKind.REVOKED_OPEN_STAY: text(
        nl="De badge van deze persoon is ingetrokken terwijl hij binnen was. Zorg dat zijn OUT geregistreerd wordt.",
        fr="Le badge de cette personne a été retiré alors qu'elle était présente. Veillez à ce que son OUT soit enregistré.",
        de="Die Karte dieser Person wurde gesperrt, während sie da war. Sorgen Sie dafür, dass ihr OUT gemeldet wird.",
        en="This person's badge was revoked while he was inside. See to it that his OUT is registered.",
    ),
    TaskKind.UNKNOWN_CARD: text(
        nl="Een kaart die niemand kreeg. Wie ze toonde, registreert per telefoon; daarna: kiosk badge add.",
        fr="Une carte que personne n'a reçue. Qui l'a présentée s'enregistre par téléphone; ensuite : kiosk badge add.",
        de="Eine Karte, die niemandem gegeben wurde. Wer sie zeigte, meldet sich per Telefon; danach: kiosk badge add.",
        en="A card that nobody was given. Whoever showed it registers by phone; after that: kiosk badge add.",
    ),
    TaskKind.UNKNOWN_PERSON: text(
        nl="Een identiteitskaart van wie niet op de lijst staat. Die persoon registreert per telefoon; daarna: kiosk badge add.",
        fr="La carte d'identité de quelqu'un hors liste. Cette personne s'enregistre par téléphone; ensuite : kiosk badge add.",
        de="Ein Personalausweis, dessen Inhaber fehlt. Diese Person meldet sich per Telefon; danach: kiosk badge add.",
        en="The identity card of somebody who is not on the roster. That person registers by phone; after that: kiosk badge add.",
    ),
    TaskKind.SALVAGED: text(
        nl="De opslag was beschadigd en is hersteld (zie de nota). Vraag wie toen badgede; vervang de kaart of schijf.",
        fr="Le stockage était abîmé et a été récupéré (voir la note). Demandez qui badgeait; remplacez la carte ou le disque.",
        de="Der Speicher war beschädigt und wurde gerettet (siehe Notiz). Fragen Sie, wer da stempelte; tauschen Sie den Speicher.",
        en="The store was damaged and was salvaged (see the note). Ask who tapped then; replace the card or disk.",
    ),
    TaskKind.NOT_CANCELLED: text(
        nl="De dienst annuleerde deze registratie niet (zie de nota). Vergelijk: kiosk registrations show.",
        fr="Le service n'a pas annulé cet enregistrement (voir la note). Comparez : kiosk registrations show.",
        de="Der Dienst hat diese Meldung nicht storniert (siehe Notiz). Vergleichen Sie: kiosk registrations show.",
        en="The service did not cancel this registration (see the note). Compare: kiosk registrations show.",
    ),
}

#: Why a registration is held, and which verb ends that; ``group`` holds none, it only lets rows wait.
ON_REASONS: Final[Mapping[Reason, Text]] = {
    Reason.CLOCK: text(
        nl="Het tijdstip is niet bekend en wordt niet geraden. Annuleer (kiosk outbox cancel) en vraag de RSZ de correctie.",
        fr="L'heure n'est pas connue et n'est pas devinée. Annulez (kiosk outbox cancel) et demandez la correction à l'ONSS.",
        de="Die Zeit ist nicht bekannt und wird nicht geraten. Stornieren (kiosk outbox cancel), Berichtigung beim LSS.",
        en="The time is not known, and not guessed. Cancel it (kiosk outbox cancel) and ask the NSSO for the correction.",
    ),
    Reason.LATE: text(
        nl="Ze was te laat om vanzelf te versturen (late_policy). Klopt ze: kiosk outbox release. Anders: kiosk outbox cancel.",
        fr="Trop tard pour partir de lui-même (late_policy). S'il est juste : kiosk outbox release. Sinon : kiosk outbox cancel.",
        de="Sie war zu spät, um selbst hinauszugehen (late_policy). Stimmt sie: kiosk outbox release. Sonst: kiosk outbox cancel.",
        en="It was too late to go by itself (late_policy). If it is right: kiosk outbox release. Else: kiosk outbox cancel.",
    ),
    Reason.CHANNEL: text(
        nl="Hij registreerde ook elders: kiosk registrations search. Dezelfde? kiosk outbox cancel. Anders: kiosk outbox release.",
        fr="Enregistré aussi ailleurs : kiosk registrations search. Le même ? kiosk outbox cancel. Sinon : kiosk outbox release.",
        de="Auch anderswo gemeldet: kiosk registrations search. Dieselbe? kiosk outbox cancel. Sonst: kiosk outbox release.",
        en="Registered elsewhere too: kiosk registrations search. The same? kiosk outbox cancel. Else: kiosk outbox release.",
    ),
    Reason.FENCE: text(
        nl="De plaats lag buiten de werf. Was hij er toch: kiosk outbox release. Anders: kiosk outbox cancel.",
        fr="Le lieu était hors du chantier. S'il y était pourtant : kiosk outbox release. Sinon : kiosk outbox cancel.",
        de="Der Ort lag außerhalb der Baustelle. War er doch da: kiosk outbox release. Sonst: kiosk outbox cancel.",
        en="The place was outside the site. If he was there all the same: kiosk outbox release. Else: kiosk outbox cancel.",
    ),
    Reason.DECLARATION: text(
        nl="Geen aangifte gold die dag. Geef er een (kiosk holder edit, of [[declaration]]), dan: kiosk outbox release.",
        fr="Aucune déclaration ne valait ce jour-là. Donnez-en une (kiosk holder edit), puis : kiosk outbox release.",
        de="Keine Meldung der Arbeiten galt an dem Tag. Geben Sie eine (kiosk holder edit), dann: kiosk outbox release.",
        en="No declaration was valid that day. Give one (kiosk holder edit, or [[declaration]]), then: kiosk outbox release.",
    ),
    Reason.EMPLOYER: text(
        nl="De werkgever is niet bekend. Geef hem in (kiosk holder edit, of [employer]), dan: kiosk outbox release.",
        fr="L'employeur n'est pas connu. Introduisez-le (kiosk holder edit, ou [employer]), puis : kiosk outbox release.",
        de="Der Arbeitgeber ist nicht bekannt. Geben Sie ihn ein (kiosk holder edit, oder [employer]), dann: kiosk outbox release.",
        en="The employer is not known. Enter it (kiosk holder edit, or [employer]), then: kiosk outbox release.",
    ),
    Reason.LINK: text(
        nl="Kaart later toegewezen: kiosk registrations search. Nog niets? kiosk outbox release. Anders: kiosk outbox cancel.",
        fr="Carte attribuée plus tard : kiosk registrations search. Rien ? kiosk outbox release. Sinon : kiosk outbox cancel.",
        de="Karte später zugeordnet: kiosk registrations search. Noch nichts? kiosk outbox release. Sonst: kiosk outbox cancel.",
        en="Card linked later: kiosk registrations search. Nothing yet? kiosk outbox release. Else: kiosk outbox cancel.",
    ),
    Reason.SEAL: text(
        nl="Inhoud beschadigd. Opnieuw opbouwen uit tik en lijst: kiosk outbox release. Anders: kiosk outbox cancel.",
        fr="Contenu abîmé. Le reconstruire du badgeage et de la liste : kiosk outbox release. Sinon : kiosk outbox cancel.",
        de="Inhalt beschädigt. Neu aufbauen aus Stempeln und Liste: kiosk outbox release. Sonst: kiosk outbox cancel.",
        en="Content damaged. To build it again from tap and roster: kiosk outbox release. Else: kiosk outbox cancel.",
    ),
}

#: Who must ask for a correction (facts, rsz-service, section 4).
ON_ASKERS: Final[Mapping[Asker, Text]] = {
    Asker.OURS: text(
        nl="Eigen personeel: vraag de RSZ om de correctie, met het bewijs.",
        fr="Personnel propre : demandez la correction à l'ONSS, avec la preuve.",
        de="Eigenes Personal: Bitten Sie das LSS um die Berichtigung, mit dem Nachweis.",
        en="Own staff: ask the NSSO for the correction, with the evidence.",
    ),
    Asker.EMPLOYER: text(
        nl="Personeel van een ander: via zijn werkgever, die het de RSZ moet vragen. Geef hem het bewijs.",
        fr="Personnel d'un autre : par son employeur, qui doit le demander à l'ONSS. Donnez-lui la preuve.",
        de="Fremdes Personal: über den Arbeitgeber, der das LSS bitten muss. Geben Sie ihm den Nachweis.",
        en="Another's staff: through his employer, who must ask the NSSO. Give him the evidence.",
    ),
    Asker.SELF: text(
        nl="Zelfstandige: hij moet het zelf aan de RSZ vragen. Geef hem het bewijs.",
        fr="Indépendant : il doit le demander lui-même à l'ONSS. Donnez-lui la preuve.",
        de="Selbständiger: Er muss das LSS selbst bitten. Geben Sie ihm den Nachweis.",
        en="Self-employed: he must ask the NSSO himself. Give him the evidence.",
    ),
    Asker.UNKNOWN: text(
        nl="Eigen personeel: vraag het de RSZ, met het bewijs. Wie voor een ander werkt: via zijn werkgever.",
        fr="Personnel propre : demandez-le à l'ONSS, avec la preuve. Qui travaille pour un autre : par son employeur.",
        de="Eigenes Personal: Fragen Sie das LSS, mit dem Nachweis. Wer für andere arbeitet: über den Arbeitgeber.",
        en="Own staff: ask the NSSO, with the evidence. Whoever works for another: through his employer.",
    ),
}
