"""Photographs that people send (照片): recognised by what they are, made small, and without what a telephone writes into them."""

from __future__ import annotations

import io

from PIL import Image, ImageOps

from .base import RuleBroken

MOST_BYTES = 10 * 1024 * 1024
MOST_PIXELS = 50_000_000
LONGEST_SIDE = 2200  # a sheet of A4 in it is as sharp as on a 190 dpi scanner
KINDS = ("JPEG", "PNG", "WEBP", "AVIF")
HEIC = (b"heic", b"heix", b"heif", b"mif1", b"msf1", b"hevc")


def small_jpeg(sent: bytes) -> bytes:
    """The photograph upright, at most LONGEST_SIDE wide and high, as a JPEG that carries nothing but the picture: no place,
    no device, no comment. RuleBroken, in words for the person who sent it, for whatever is no such photograph.
    """
    if not sent:
        raise RuleBroken("请选一张照片")
    if len(sent) > MOST_BYTES:
        raise RuleBroken(f"照片不能超过{MOST_BYTES // 1024 // 1024}MB，请压缩或重新拍一张")
    if sent[4:8] == b"ftyp" and sent[8:12] in HEIC:
        raise RuleBroken("这是HEIC照片，网站打不开。请在手机相机设置里选“兼容性最佳”再拍，或者截屏后上传")
    try:
        with Image.open(io.BytesIO(sent), formats=KINDS) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                raise RuleBroken(f"照片太大：{opened.width}×{opened.height}，请用手机的普通拍照方式再拍一张")
            opened.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))  # a JPEG is read at the size that is needed
            picture = _upright_on_white(opened)
    except RuleBroken:
        raise
    except Exception:  # decoders of broken or hostile files fail in every way there is
        raise RuleBroken("打不开这个文件，请上传照片（JPG、PNG或WebP）") from None
    picture.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    picture.info = {}  # the comment and the profile would be written again
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80, optimize=True)
    return out.getvalue()


def _upright_on_white(opened: Image.Image) -> Image.Image:
    """Turned as its Exif says, in RGB; what was transparent is white."""
    picture = ImageOps.exif_transpose(opened)
    if picture.has_transparency_data:
        ground = Image.new("RGB", picture.size, "white")
        layer = picture.convert("RGBA")
        ground.paste(layer, mask=layer)
        return ground
    return picture.convert("RGB")
