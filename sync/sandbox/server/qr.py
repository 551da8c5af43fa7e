"""A QR code as a PNG: just enough to carry one short address (version 4, level L)."""

from __future__ import annotations

import struct
import zlib
from itertools import product

SIZE = 33
#: Data and error-correction codewords of version 4-L, one block.
_DATA, _CORRECTION = 80, 20
#: Format bits of level L with mask 0, already masked.
_FORMAT = 0b111011111000100
_QUIET = 4

Matrix = list[list[bool | None]]


def draw_png(text: str, pixels: int) -> bytes:
    """Draw ``text`` as a square PNG of that many pixels, as large as fits."""
    modules = encode(text)
    scale = max(1, pixels // (SIZE + 2 * _QUIET))
    margin = (pixels - SIZE * scale) // 2
    rows = []
    for y in range(pixels):
        row = bytearray(b"\xff" * pixels)
        module_y = (y - margin) // scale
        if 0 <= module_y < SIZE:
            for x, is_dark in enumerate(modules[module_y]):
                if is_dark:
                    start = margin + x * scale
                    row[start : start + scale] = bytes(scale)
        rows.append(b"\x00" + bytes(row))
    header = struct.pack(">IIBBBBB", pixels, pixels, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + _chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
        + _chunk(b"IEND", b"")
    )


def encode(text: str) -> list[list[bool]]:
    """Return the modules, True for dark. Raises ValueError above 78 bytes."""
    data = _codewords(text.encode())
    bits = "".join(f"{word:08b}" for word in data + _correction(data))
    matrix = _with_patterns()
    reserved = [[cell is not None for cell in row] for row in matrix]
    free = (place for place in _zigzag() if not reserved[place[0]][place[1]])
    # The last seven modules are left over; they count as zero.
    for (y, x), bit in zip(free, bits + "0" * 7, strict=True):
        matrix[y][x] = (bit == "1") is not ((x + y) % 2 == 0)
    return [[bool(cell) for cell in row] for row in matrix]


def _codewords(data: bytes) -> list[int]:
    if len(data) > _DATA - 2:
        raise ValueError("too long for this QR code")
    # Byte mode, length, data, terminator; then the padding of the standard.
    bits = f"0100{len(data):08b}" + "".join(f"{byte:08b}" for byte in data) + "0000"
    words = [int(bits[i : i + 8], 2) for i in range(0, len(bits), 8)]
    padding = (0xEC, 0x11)
    return words + [padding[i % 2] for i in range(_DATA - len(words))]


def _correction(data: list[int]) -> list[int]:
    exp, log = _galois()
    generator = [1]
    for degree in range(_CORRECTION):
        shifted = [*generator, 0]
        for i, value in enumerate(generator):
            shifted[i + 1] ^= exp[(log[value] + degree) % 255]
        generator = shifted
    rest = data + [0] * _CORRECTION
    for i in range(len(data)):
        if rest[i]:
            factor = log[rest[i]]
            for j, value in enumerate(generator):
                rest[i + j] ^= exp[(log[value] + factor) % 255]
    return rest[len(data) :]


def _galois() -> tuple[list[int], dict[int, int]]:
    exp, value = [], 1
    for _ in range(255):
        exp.append(value)
        value = value << 1 ^ (0x11D if value & 0x80 else 0)
    return exp, {value: power for power, value in enumerate(exp)}


def _with_patterns() -> Matrix:
    matrix: Matrix = [[None] * SIZE for _ in range(SIZE)]
    for top, left in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):
        for y, x in product(range(-1, 8), repeat=2):
            if 0 <= top + y < SIZE and 0 <= left + x < SIZE:
                ring = max(abs(y - 3), abs(x - 3))
                matrix[top + y][left + x] = ring in (0, 1, 3)
    for y, x in product(range(-2, 3), repeat=2):
        matrix[SIZE - 7 + y][SIZE - 7 + x] = max(abs(y), abs(x)) != 1
    for i in range(8, SIZE - 8):
        matrix[6][i] = matrix[i][6] = i % 2 == 0
    bits = [_FORMAT >> i & 1 == 1 for i in range(15)]
    for i, bit in enumerate(bits):
        first = i if i < 6 else i + 1 if i < 8 else SIZE - 15 + i
        second = SIZE - 1 - i if i < 8 else 7 if i == 8 else 14 - i
        matrix[first][8] = bit
        matrix[8][second] = bit
    matrix[SIZE - 8][8] = True
    return matrix


def _zigzag() -> list[tuple[int, int]]:
    """Return all places in the order of the bits: pairs of columns, from the right."""
    places: list[tuple[int, int]] = []
    upwards = True
    for right in (*range(SIZE - 1, 6, -2), 5, 3, 1):
        rows = range(SIZE - 1, -1, -1) if upwards else range(SIZE)
        places += [(y, x) for y in rows for x in (right, right - 1)]
        upwards = not upwards
    return places


def _chunk(kind: bytes, data: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + data))
    return struct.pack(">I", len(data)) + kind + data + checksum
