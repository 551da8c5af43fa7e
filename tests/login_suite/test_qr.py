"""QR codes that a phone reads off the terminal, and pictures that are none."""

from __future__ import annotations

import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sync.cli.commands.login import draw_qr, read_qr
from sync.sandbox.server.qr import draw_png

BLOCKS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def photographed(lines: list[str], *, block: int) -> str | None:
    """Read the drawn code as a camera would; ``block`` is how bright a block is."""
    rows = [[BLOCKS[cell][half] for cell in line] for line in lines for half in (0, 1)]
    image = Image.new("L", (len(rows[0]), len(rows)))
    image.putdata(
        [block if is_block else 255 - block for row in rows for is_block in row]
    )
    found = zxingcpp.read_barcode(image.resize((image.width * 6, image.height * 6)))
    return found.text if found else None


@given(
    st.from_regex(r"https://[a-z]{1,20}\.example/[a-zA-Z0-9?=&-]{0,80}", fullmatch=True)
)
def test_what_is_drawn_can_be_read_in_both_polarities(address: str) -> None:
    assert photographed(draw_qr(address), block=0) == address
    assert photographed(draw_qr(address, is_inverted=True), block=255) == address


@pytest.mark.parametrize("pixels", [100, 300, 600, 1000])
def test_the_address_is_read_out_of_the_picture(pixels: int) -> None:
    address = "https://discovr.example/activate?code=B7K-29F"
    assert read_qr(draw_png(address, pixels)) == address


@pytest.mark.parametrize(
    "picture",
    [
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"GIF89a",
        draw_png("x", 300)[:200],
        draw_png("\x1b[2J", 300),
    ],
    ids=["empty", "head", "gif", "cut", "steers the terminal"],
)
def test_what_cannot_be_read_or_shown_is_none(picture: bytes) -> None:
    assert read_qr(picture) is None
