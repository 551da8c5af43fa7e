"""Reads the QR code of a sign-in, which holds the only copy of the address."""

from __future__ import annotations

import zlib

import png
import zxingcpp

#: A picture of a code takes a tenth of that; a few bytes can claim any size.
_MOST_PIXELS = 4_000_000
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def read_qr(picture: bytes) -> str | None:
    """Return the text of the QR code in a PNG, None if there is none to be read."""
    try:
        levels = _levels(picture)
    except (png.Error, zlib.error, EOFError, ValueError, OverflowError):
        return None
    found = zxingcpp.read_barcode(
        levels, formats=_QR, text_mode=zxingcpp.TextMode.Plain
    )
    # What cannot be printed would steer the terminal.
    return found.text if found and found.text.isprintable() else None


def _levels(picture: bytes) -> memoryview:
    """Return the grey of each pixel of a PNG on white, as rows of bytes."""
    reader = png.Reader(bytes=picture)
    reader.preamble()
    if reader.width * reader.height > _MOST_PIXELS:
        raise ValueError("No service sends a picture of that size.")
    width, height, rows, _ = reader.asRGBA8()
    grey = bytearray()
    for row in rows:
        pixels = zip(row[0::4], row[1::4], row[2::4], row[3::4], strict=True)
        grey += bytes(
            255 - (255 - (r + 2 * g + b) // 4) * a // 255 for r, g, b, a in pixels
        )
    return memoryview(grey).cast("B", (height, width))
