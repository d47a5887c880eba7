"""A QR code as inline SVG: the one file that knows segno (ISO/IEC 18004; black squares on what is white anyway)."""

from __future__ import annotations

from kiosk.errors import Declined


def svg(content: str, *, label: str) -> str:
    """Draw a code that survives dirt and scratches (level M, 15 %), with the four white modules around it that readers need.

    Args:
        content: What a telephone reads, verbatim.
        label: For whoever hears the page instead of seeing it.

    Raises:
        Declined: It is too long for any code.
    """
    import segno  # noqa: PLC0415  no verb but the one that prints pays for it

    try:
        code = segno.make_qr(content, error="m", boost_error=False)
    except segno.DataOverflowError:
        raise Declined("the link is too long for a QR code", repair="shorten [[declaration]] url") from None
    drawn: str = code.svg_inline(border=4, omitsize=True, svgclass="qr", lineclass=None, title=label)
    return drawn
