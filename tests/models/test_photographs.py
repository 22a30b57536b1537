"""A photograph keeps the picture and loses what the telephone wrote into it."""

import io
import struct
import zlib

import pytest
from PIL import Image, PngImagePlugin

from models.base import RuleBroken
from models.photographs import LONGEST_SIDE, small_jpeg

SECRET = b"30.5728N 104.0668E Zhang"


def sent(picture, kind="JPEG", **facts):
    out = io.BytesIO()
    picture.save(out, kind, **facts)
    return out.getvalue()


def opened(content):
    picture = Image.open(io.BytesIO(content))
    picture.load()
    return picture


def exif():
    facts = Image.Exif()
    facts[0x010E], facts[0x0112] = SECRET.decode(), 6  # description; lying on its side
    return facts


def test_place_device_and_comment_are_gone_and_the_picture_stands_upright():
    original = sent(Image.new("RGB", (400, 300), "white"), exif=exif(), comment=SECRET, dpi=(71, 71))
    assert original.count(SECRET) == 2
    kept = small_jpeg(original)
    assert SECRET not in kept and b"Exif" not in kept
    assert (
        opened(kept).size == (300, 400) and not opened(kept).getexif() and "comment" not in opened(kept).info
    )


def test_words_inside_a_png_are_gone():
    facts = PngImagePlugin.PngInfo()
    facts.add_text("Comment", SECRET.decode())
    assert SECRET not in small_jpeg(sent(Image.new("RGB", (40, 30)), "PNG", pnginfo=facts))


@pytest.mark.parametrize(
    ("mode", "kind"),
    [
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("L", "JPEG"),
        ("CMYK", "JPEG"),
        ("RGB", "WEBP"),
        ("1", "PNG"),
        ("I;16", "PNG"),
    ],
)
def test_every_kind_of_picture_becomes_a_jpeg(mode, kind):
    kept = opened(small_jpeg(sent(Image.new(mode, (40, 30)), kind)))
    assert (kept.format, kept.mode, kept.size) == ("JPEG", "RGB", (40, 30))


def test_what_was_transparent_is_white():
    assert opened(small_jpeg(sent(Image.new("RGBA", (8, 8), (0, 0, 0, 0)), "PNG"))).getpixel((4, 4)) == (
        255,
        255,
        255,
    )


def test_a_large_photograph_becomes_small_with_the_same_shape():
    kept = opened(small_jpeg(sent(Image.new("RGB", (4000, 3000), "grey"))))
    assert kept.size == (LONGEST_SIDE, LONGEST_SIDE * 3 // 4)


def bomb(width, height):
    """A PNG of a few bytes that says it is enormous."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(8000, 7000), (30000, 30000), (2**31 - 1, 2**31 - 1)])
def test_a_picture_that_would_fill_the_memory_is_refused_unread(size):
    with pytest.raises(RuleBroken):
        small_jpeg(bomb(*size))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"GIF89a" + b"\0" * 30,
        b"%PDF-1.7",
        b"BM" + b"\0" * 60,
        b"\x00\x00\x00\x18ftypheic" + b"\0" * 20,
    ],
)
def test_what_is_no_photograph_is_refused_in_words(content):
    with pytest.raises(RuleBroken, match="照片"):
        small_jpeg(content)
