"""hardware.nfc_paths knows nfcpy's paths, and says what to do where one can't be opened."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import pytest
from nfc.clf.device import usb_device_map

from hardware.nfc_paths import over_network, unanswered, understood, unopened

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "path",
    [
        "usb",
        "usb:054c",
        "usb:054c:06c3",
        "usb:001:023",
        "tty:AMA0:pn532",
        "tty:USB:pn532",
        "tty:USB0:arygon",
        "udp",
        "udp:127.0.0.1:54321",
    ],
)
def test_nfcpys_paths_are_understood(path: str) -> None:
    """Every kind of path that nfcpy documents for Linux is taken."""
    assert understood(path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "ACR122",
        "/dev/ttyAMA0",
        "ttyAMA0",
        "tty",
        "tty:AMA0",
        "tty:AMA0:pn533",
        "com:1:pn532",
        "usb:54c",
        "udp:a:b",
        "usb:054c:06c3:1",
    ],
)
def test_what_nfcpy_would_never_find_is_refused(path: str) -> None:
    """A device file, a reader's name, or a line without its driver, which would write to every modem, is no path."""
    assert not understood(path)


def test_a_path_over_the_network_is_told() -> None:
    """Over UDP any program may play a card."""
    assert over_network("udp:10.0.0.1:54321")
    assert not any(map(over_network, ("usb", "tty:USB0:pn532", None)))


def test_the_udev_rules_name_every_usb_reader_that_nfcpy_knows() -> None:
    """Whoever installs them may use each reader without root, and no other device is given away."""
    rules = (ROOT / "hardware/udev/60-ciao-kiosk.rules").read_text(encoding="utf-8")
    found = re.findall(r'ATTR{idVendor}=="(\w{4})", ATTR{idProduct}=="([\w|]+)", MODE="0660"', rules)
    named = {(int(vendor, 16), int(product, 16)) for vendor, products in found for product in products.split("|")}
    assert named == usb_device_map.keys()


def test_what_the_words_tell_to_copy_is_there() -> None:
    """The files that the repairs name are part of the clone."""
    for path, code in (("usb", errno.EACCES), ("usb", errno.EBUSY)):
        (file,) = re.findall(r"put (hardware/\S+) into", unopened(path, code))
        assert (ROOT / file).is_file()


@pytest.mark.parametrize(
    ("path", "code", "told"),
    [
        ("usb:054c", errno.EACCES, "60-ciao-kiosk.rules"),
        ("usb:054c", errno.EBUSY, "kiosk-nfc.conf"),
        ("usb", errno.ENODEV, "lsusb"),
        ("usb", None, "lsusb"),
        ("tty:USB0:pn532", errno.EACCES, "usermod -aG dialout kiosk"),
        ("tty:USB0:pn532", errno.ENOENT, "ls /dev/tty"),
        ("tty:USB0:pn532", errno.ENODEV, "ModemManager"),
        ("tty:USB0:pn532", None, "console=serial0"),
        ("udp:nowhere", -2, "correct match"),
    ],
)
def test_each_reason_has_its_repair(path: str, code: int | None, told: str) -> None:
    """Whoever reads the log finds the path and what to do."""
    words = unopened(path, code)
    assert path in words
    assert told in words.partition("; repair: ")[2]


def test_a_reader_that_no_longer_answers_is_told_with_the_systems_name_for_it() -> None:
    """The log names the error, and the kind of mistake where the system has no number for it."""
    assert unanswered("usb", errno.EIO, "OSError") == "the reader at usb no longer answers (EIO); it is opened anew"
    assert "(IndexError)" in unanswered("usb", None, "IndexError")
