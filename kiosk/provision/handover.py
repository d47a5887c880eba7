"""Giving what root made to the user that will run the daemon."""

from __future__ import annotations

import os
import pwd

from kiosk.errors import UsageError
from kiosk.provision.conversation import Setup


def hand_over(setup: Setup) -> None:
    """Give what was made to the user that will run the daemon, when all is done: root makes it, and must not keep it.

    The folder goes last, so that a run that was cut in between is seen by ``is_handed_over`` and gone on with.

    Raises:
        UsageError: There is no such user, or the caller may not give files away.
    """
    if setup.user is None:
        return
    owner = find_user(setup.user)
    try:
        for path in (*(path for path in setup.folder.iterdir() if path.is_file()), setup.folder):
            os.chown(path, owner.pw_uid, owner.pw_gid)
    except PermissionError:
        raise UsageError(f"--user: only root can give files to {setup.user}", repair="run this with sudo") from None
    setup.asker.say(
        f"Everything in {setup.folder} belongs to {setup.user} now: run kiosk as that user from here on,\n"
        f"    sudo -u {setup.user} kiosk --config {setup.config} provision"
    )


def is_handed_over(setup: Setup) -> bool:
    """Whether anything here belongs to the daemon's user already, so that root has no more to do than to give him the rest."""
    if setup.user is None or not setup.config.exists() or os.geteuid() == (uid := find_user(setup.user).pw_uid):
        return False
    return any(path.stat().st_uid == uid for path in setup.folder.iterdir())


def find_user(name: str) -> pwd.struct_passwd:
    """Look a user up; raises ``UsageError`` where there is none."""
    try:
        return pwd.getpwnam(name)
    except KeyError:
        raise UsageError(f"--user: there is no user {name}", repair="make it first, or leave --user out") from None
