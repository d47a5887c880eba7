"""The longer texts of the conversation: what to have ready, and what to click where (facts, rsz-service, section 1.1)."""

from __future__ import annotations

from typing import Final

READY: Final = """\
This sets up a box that registers presences. Have ready:
  - your company's name and enterprise number;
  - the declarations of works: their 13 characters, or their QR codes and a keyboard scanner;
  - where the box stands, in decimal degrees (any map shows them);
  - a card reader plugged in, and a first badge with its holder's INSZ;
  - somebody who may work in Chaman for your company (your access manager, or a technical manager he appointed).
Nothing is registered without your explicit yes, and nothing with the real service before the very last step.
Ctrl-C at any point leaves nothing half-made; run it again and it goes on.
"""

CHAMAN: Final = """\
Now the company's channel, on the portal of the social security:
  1. Your company is registered there as an employer, with a chief access manager (he exists if anybody logs in for it).
  2. The chief access manager may appoint a technical manager: give the person the right
     "Chaman - technical channel management".
  3. In Chaman, your company must exist as a sender (verzender, expediteur). Fill in its technical contact's name and mail
     address first: while they lack, the form can't be saved.
  4. Make a new account there: type REST, a name for the account, and the permission for presence registration
     (Check In and Out at Work).
  5. Upload this certificate and give it a name, for instance the site's and the year:
         {certificate}
  6. Its last page shows the client id. It is opaque: copy it whole.
"""

CHAMAN_DONE: Final = "The client key never leaves this box: only the certificate is uploaded."

ASSUME: Final = (
    "This system's clock is not set by a time server, so nothing can be sent yet. Is this a laboratory or a virtual machine"
    " whose clock you vouch for?"
)

EC_ADVICE: Final = """\
An EC key is among Chaman's criteria, and no public client is known to use one with this token server: prove it with
`kiosk doctor` against the real token server before you rely on it. RSA is the safe choice."""

NEXT: Final = """\
The box is set up and trains with {host}. What comes next:
    kiosk --config {config} doctor          everything, the network included
    kiosk --config {config} run             the daemon
    kiosk --config {config} badge add       more badges
When all is proven, the last step, which no change of an address does:
    kiosk --config {config} provision --leave-training
"""

REAL: Final = """\
This box works for real, with {host}. `kiosk --config {config} status` says how it stands; its key and certificate:"""

RESUMED: Final = """\
Going on with the answers of before, kept in {notebook}; to change one, press Ctrl-C and delete its line there.
"""

LEAVING: Final = """\
Leaving training. From then on every tap is a real registration with
    {api_url}
 - the book begins afresh: what was tapped in training is never sent there;
 - the roster stays: {badges} badges;
 - the light shows plain green;
 - this is written into the record, and is not undone: for training afterwards use another store.
"""
