"""Pictures by their first bytes."""

from __future__ import annotations

import struct

import pytest

from server.reading import images

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480) + b"\x08\x06\0\0\0"
GIF = b"GIF89a" + struct.pack("<HH", 64, 48) + b"\0\0\0"
JPEG = (
    b"\xff\xd8"
    b"\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
    b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 48, 64) + b"\x03\x01\x22\0"
)
WEBP_LOSSY = b"RIFF\x24\0\0\0WEBPVP8 \x18\0\0\0\x30\x01\0\x9d\x01\x2a" + struct.pack("<HH", 64, 48)
WEBP_LOSSLESS = b"RIFF\x24\0\0\0WEBPVP8L\x18\0\0\0\x2f" + struct.pack("<I", 63 | 47 << 14)
WEBP_EXTENDED = b"RIFF\x24\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\x3f\0\0\x2f\0\0"
AVIF = b"\0\0\0\x1cftypavif\0\0\0\0"
SVG = b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.mark.parametrize(
    ("content", "kind", "pixels"),
    [
        (PNG, "image/png", (640, 480)),
        (GIF, "image/gif", (64, 48)),
        (JPEG, "image/jpeg", (64, 48)),
        (WEBP_LOSSY, "image/webp", (64, 48)),
        (WEBP_LOSSLESS, "image/webp", (64, 48)),
        (WEBP_EXTENDED, "image/webp", (64, 48)),
        (AVIF, "image/avif", None),
        (SVG, "image/svg+xml", None),
        (b"<svg>", "image/svg+xml", None),
        (b"<!DOCTYPE html><html><svg></svg>", "", None),
        (b"MZ\x90\0", "", None),
        (b"", "", None),
    ],
)
def test_a_picture_says_what_it_is(content: bytes, kind: str, pixels: tuple[int, int] | None) -> None:
    assert images.kind(content) == kind
    assert images.pixels(content) == pixels


@pytest.mark.parametrize("content", [PNG[:20], GIF[:8], JPEG[:4], JPEG[:22], WEBP_LOSSY[:26], WEBP_LOSSLESS[:16]])
def test_a_picture_that_is_cut_short_has_no_size(content: bytes) -> None:
    assert images.kind(content)
    assert images.pixels(content) in (None, (1, 1))
