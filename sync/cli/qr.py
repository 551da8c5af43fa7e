"""QR codes: reading the address out of a picture, and drawing it on a terminal."""

from __future__ import annotations

import io

import zxingcpp
from PIL import Image, UnidentifiedImageError

#: A cell shows two modules, the upper and the lower one: a block or not.
_CELLS = {
    (False, False): " ",
    (True, False): "\u2580",
    (False, True): "\u2584",
    (True, True): "\u2588",
}
_QR = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)


def read(picture: bytes) -> str | None:
    """Return the text of the QR code in a PNG, None if there is none to be read."""
    try:
        with Image.open(io.BytesIO(picture), formats=["PNG"]) as image:
            found = zxingcpp.read_barcode(
                image.convert("L"), formats=_QR, text_mode=zxingcpp.TextMode.Plain
            )
    except (UnidentifiedImageError, OSError, ValueError):
        return None
    # What cannot be printed would steer the terminal.
    return found.text if found and found.text.isprintable() else None


def draw(text: str, *, is_inverted: bool = False) -> list[str]:
    """Return a QR code as lines of half blocks, its quiet zone included.

    The blocks are the dark modules, or with ``is_inverted`` the light ones.
    """
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="L")
    image = Image.fromarray(code.to_image(scale=1))
    light, width = 255, image.width
    levels = image.tobytes() + bytes([light]) * width  # the height is odd
    cells = [(level == light) is is_inverted for level in levels]
    rows = [cells[i : i + width] for i in range(0, len(cells), width)]
    return [
        "".join(_CELLS[pair] for pair in zip(upper, lower, strict=True))
        for upper, lower in zip(rows[::2], rows[1::2], strict=True)
    ]
