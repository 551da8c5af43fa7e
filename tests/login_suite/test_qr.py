"""QR codes that a phone reads off the terminal, and pictures that are none."""

from __future__ import annotations

import io
import struct
import zlib

import png
import pytest
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from sync.cli.commands.login import draw_qr
from sync.sandbox.server.qr import draw_png
from sync.setup.qr import read_qr

BLOCKS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}


def photographed(lines: list[str], *, block: int) -> str | None:
    """Read the drawn code as a camera would; ``block`` is how bright a block is."""
    scale = 6
    rows = [[BLOCKS[cell][half] for cell in line] for line in lines for half in (0, 1)]
    pixels = bytes(
        block if is_block else 255 - block
        for row in rows
        for _ in range(scale)
        for is_block in row
        for _ in range(scale)
    )
    shape = (len(rows) * scale, len(rows[0]) * scale)
    found = zxingcpp.read_barcode(memoryview(pixels).cast("B", shape))
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


#: Each form of a PNG: how it is told to the writer, and a dark and a light pixel.
FORMS: dict[str, tuple[dict[str, object], tuple[int, ...], tuple[int, ...]]] = {
    "gray": ({"greyscale": True}, (0,), (255,)),
    "gray 16 bit": ({"greyscale": True, "bitdepth": 16}, (0,), (65_535,)),
    "1 bit": ({"greyscale": True, "bitdepth": 1}, (0,), (1,)),
    "gray with alpha": ({"greyscale": True, "alpha": True}, (0, 255), (0, 0)),
    "palette": ({"palette": [(255, 255, 255), (20, 20, 60)]}, (1,), (0,)),
    "colour": ({"greyscale": False}, (200, 0, 0), (255, 255, 255)),
    "green": ({"greyscale": False}, (0, 120, 0), (255, 255, 255)),
    "see-through": ({"greyscale": False, "alpha": True}, (0, 0, 0, 255), (0, 0, 0, 0)),
    "interlaced": ({"greyscale": True, "interlace": True}, (0,), (255,)),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_picture_is_read(form: str) -> None:
    options, dark, light = FORMS[form]
    address = "https://discovr.example/activate?code=B7K-29F"
    code = zxingcpp.create_barcode(address, zxingcpp.BarcodeFormat.QRCode)
    image = code.to_image(scale=4)
    height, width = image.shape
    cells = bytes(image)  # type: ignore[call-overload]  # a buffer, says nobody
    rows = [
        [v for cell in cells[i : i + width] for v in (light if cell else dark)]
        for i in range(0, len(cells), width)
    ]
    file = io.BytesIO()
    png.Writer(width, height, **options).write(file, rows)
    assert read_qr(file.getvalue()) == address


def test_a_few_bytes_that_claim_a_huge_picture_are_none() -> None:
    head = struct.pack(">IIBBBBB", 200_000, 200_000, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + head
    said = struct.pack(">I", len(head)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    assert read_qr(b"\x89PNG\r\n\x1a\n" + said) is None


@given(st.binary(max_size=200), st.integers(8, 400))
def test_no_bytes_raise(noise: bytes, at: int) -> None:
    whole = draw_png("https://discovr.example", 100)
    read_qr(whole[:at] + noise + whole[at + len(noise) :])
