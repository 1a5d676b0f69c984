"""The one door: what it reads it reads rightly, and every other file is refused with a reason."""

import os
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from struct import pack, unpack
from typing import Any

import numpy as np
import pytest
import pyvips
import tifffile
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo

from imaging.errors import CorruptScan, ScanError, ScanTooLarge, UnsupportedScan
from imaging.profiles import ColorModel, ProfileUse
from imaging.scan import (
    DEFAULT_LIMITS,
    decoding,
    inspect_scan,
    open_scan,
)
from imaging.tiff import Tag, read_directories
from tests.imaging.conftest import Picture

Save = Callable[..., Path]


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.webp"])
@pytest.mark.parametrize("sequential", [True, False])
def test_lossless_formats_keep_every_pixel(save: Save, colors: Picture, name: str, sequential: bool) -> None:
    path = save(colors, name, **({"lossless": True} if name.endswith("webp") else {}))
    image = open_scan(path, sequential=sequential)
    assert (image.interpretation, image.format) == ("srgb", "uchar")
    assert np.array_equal(image.numpy(), colors)


@pytest.mark.parametrize("name", ["a.tif", "a.png"])
def test_sixteen_bits_stay_sixteen_bits(save: Save, grey: Picture, name: str) -> None:
    deep = grey.astype(np.uint16) * 200 + 7
    path = save(deep, name, "grey16")
    image = open_scan(path)
    assert (image.interpretation, image.format, inspect_scan(path).bits) == ("grey16", "ushort", 16)
    assert np.array_equal(image.numpy(), deep)


def test_jpeg_is_read_within_its_loss(save: Save, grey: Picture) -> None:
    smooth = np.add.outer(np.arange(60), np.arange(80)).astype(np.uint8)
    image = open_scan(save(smooth, "a.jpg", Q=100)).numpy()
    assert np.abs(image.astype(int) - smooth).max() <= 2


def test_the_first_bytes_decide_not_the_name(save: Save, grey: Picture) -> None:
    path = save(grey, "a.png").rename(save(grey, "a.png").with_name("scan.tif"))
    assert inspect_scan(path).media_type == "image/png"


@pytest.mark.parametrize("name", ["new\nline.tif", "quo'te\".tif", "options[page=1].tif", "höhe.tif"])
def test_any_file_name_is_read(save: Save, grey: Picture, name: str, tmp_path: Path) -> None:
    path = save(grey, "a.tif").rename(tmp_path / name)
    assert np.array_equal(open_scan(path).numpy(), grey)


def test_a_file_name_that_is_no_text_is_read(save: Save, grey: Picture, tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.tif"))
    save(grey, "a.tif").rename(path)
    assert np.array_equal(open_scan(path).numpy(), grey)


def test_one_bit_becomes_black_and_white(save: Save) -> None:
    bits = (np.indices((20, 30)).sum(axis=0) % 2 * 255).astype(np.uint8)
    for name, miniswhite in (("a.tif", False), ("b.tif", True)):
        path = save(bits, name, bitdepth=1, miniswhite=miniswhite)
        assert inspect_scan(path).color_model is ColorModel.BILEVEL
        assert np.array_equal(open_scan(path).numpy(), bits)


def test_palette_png_becomes_rgb(tmp_path: Path) -> None:
    picture = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8), "P")
    picture.putpalette([v for i in range(256) for v in (i, 255 - i, 7)])
    picture.save(tmp_path / "a.png")
    assert inspect_scan(tmp_path / "a.png").color_model is ColorModel.PALETTE
    assert open_scan(tmp_path / "a.png").numpy()[0, 3].tolist() == [3, 252, 7]


def test_alpha_is_laid_on_white(save: Save, colors: Picture) -> None:
    alpha = np.concatenate([colors, np.zeros_like(colors[..., :1])], axis=-1)
    assert (open_scan(save(alpha, "a.png")).numpy() == 255).all()
    deep = np.zeros((4, 4, 2), np.uint16)
    assert (open_scan(save(deep, "b.png", "grey16")).numpy() == 65535).all()


@pytest.mark.parametrize("kind", [0, 1, 2, None])
@pytest.mark.parametrize(("interpretation", "colors"), [("rgb16", 3), ("grey16", 1)])
def test_infrared_is_left_out_and_opacity_laid_on_white(
    save: Save, interpretation: str, colors: int, kind: int | None
) -> None:
    picture = np.full((4, 4, colors + 1), 20000, np.uint16)
    picture[..., colors] = 40000
    path = save(picture, "a.tif", interpretation)
    declared = struct.pack("<HHI", Tag.EXTRA_SAMPLES, 3, 1)
    content = path.read_bytes()
    place = content.index(declared)
    said = declared + struct.pack("<I", kind) if kind is not None else struct.pack("<HHII", 40000, 3, 1, 0)
    path.write_bytes(content[:place] + said + content[place + 12 :])
    properties, seen = inspect_scan(path), open_scan(path)
    assert (properties.bands, properties.left_out) == (colors + 1, 0 if kind else 1)
    assert seen.bands == colors
    assert (seen.numpy() == 20000).all() == (not kind)
    assert seen.avg() > 30000 or not kind


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.tif", "a.jpg"])
def test_orientation_is_applied(save: Save, orientation: int, name: str) -> None:
    quarter = np.full((32, 48), 20, np.uint8)
    quarter[:16, :24] = 230
    path = save(quarter, name, orientation=orientation)
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    properties, upright = inspect_scan(path), open_scan(path, sequential=True).numpy()
    assert (
        upright.shape == (properties.height, properties.width) == ((32, 48) if orientation < 5 else (48, 32))
    )
    assert upright[corner[orientation]] > 200
    assert (upright > 200).sum() == 16 * 24


def test_cmyk_becomes_srgb_with_and_without_profile(save: Save) -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[4:, :, 0] = 255
    bare = save(inks, "a.tif", "cmyk")
    profiled = save(inks, "b.tif", "cmyk", profile=pyvips.Image.profile_load("cmyk"))
    for path in (bare, profiled):
        assert inspect_scan(path).color_model is ColorModel.CMYK
        image = open_scan(path)
        assert (image.bands, image.interpretation, image.format) == (3, "srgb", "uchar")
        paper, cyan = image.numpy()[0, 0].astype(int), image.numpy()[7, 0].astype(int)
        assert paper.min() > 245
        assert cyan[2] > 150 > cyan[0]


def test_cielab_of_eight_bits_is_refused_as_what_it_is(tmp_path: Path) -> None:
    Image.new("LAB", (8, 6), (120, 10, 20)).save(tmp_path / "a.tif")
    with pytest.raises(UnsupportedScan, match="CIELAB of 8 bits"):
        open_scan(tmp_path / "a.tif")


def test_lab_becomes_srgb(save: Save, colors: Picture) -> None:
    lab = pyvips.Image.new_from_array(colors).colourspace("labs").numpy()
    image = open_scan(save(lab, "a.tif", "labs"))
    assert image.interpretation == "rgb16"
    assert np.abs(image.numpy() / 257 - colors).max() < 2


def test_wide_rgb_profile_is_converted(save: Save, colors: Picture) -> None:
    wide = pyvips.Image.profile_load("p3")
    plain = np.full((4, 4, 3), (60, 180, 60), np.uint8)
    converted = open_scan(save(plain, "a.tif", profile=wide)).numpy()[0, 0].astype(int)
    assert converted[0] < 20
    assert converted[1] > 180
    deep = open_scan(save(plain.astype(np.uint16) * 257, "b.tif", "rgb16", profile=wide))
    assert deep.interpretation == "rgb16"
    assert np.abs(deep.numpy()[0, 0] / 257 - converted).max() < 1


def test_an_srgb_profile_changes_no_pixel(save: Save, colors: Picture) -> None:
    other_makers = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(open_scan(save(colors, "a.tif", profile=other_makers)).numpy(), colors)


def test_grey_profile_is_converted(save: Save, grey: Picture) -> None:
    expected = (grey / 255) ** 1.8
    expected = np.where(expected > 0.0031308, 1.055 * expected ** (1 / 2.4) - 0.055, 12.92 * expected)
    image = open_scan(save(grey, "a.tif", profile=grey_profile(1.8)))
    assert (image.bands, image.interpretation) == (1, "b-w")
    assert np.abs(image.numpy() - expected * 255).max() < 2
    deep = open_scan(save(grey.astype(np.uint16) * 257, "b.tif", "grey16", profile=grey_profile(1.8)))
    assert np.abs(deep.numpy() / 257 - expected * 255).max() < 1.5


def test_a_profile_that_is_broken_or_of_another_model_is_ignored_and_said_to_be(
    tmp_path: Path, colors: Picture, grey: Picture
) -> None:
    wide, inks = pyvips.Image.profile_load("p3"), pyvips.Image.profile_load("cmyk")
    cut, torn = wide[:200], wide[:140] + b"\xff" * (len(wide) - 140)
    for picture, own, others in ((colors, wide, grey_profile(1.8)), (grey, grey_profile(1.8), wide)):
        hollow = struct.pack(">I", 132) + own[4:128] + bytes(4)
        for profile in (b"\0" * 400, b"", cut, torn, hollow, inks, others):
            path = tmp_path / "a.tif"
            Image.fromarray(picture).save(path, icc_profile=profile)  # libvips would not write these
            assert np.array_equal(open_scan(path).numpy(), picture)
            said = inspect_scan(path).profile
            assert said is (ProfileUse.IGNORED if profile else ProfileUse.NONE)


def test_what_becomes_of_a_profile_is_said(save: Save, colors: Picture, grey: Picture) -> None:
    def use(picture: Picture, interpretation: str | None = None, profile: str | bytes | None = None) -> str:
        profile = pyvips.Image.profile_load(profile) if isinstance(profile, str) else profile
        return inspect_scan(save(picture, "a.tif", interpretation, profile=profile)).profile

    inks = np.zeros((8, 8, 4), np.uint8)
    lab = pyvips.Image.new_from_array(colors).colourspace("labs").numpy()
    assert use(colors) == use(grey) == use(inks, "cmyk") == use(lab, "labs") == "none"
    assert use(colors, profile="p3") == use(grey, profile=grey_profile(1.8)) == "applied"
    assert use(inks, "cmyk", "cmyk") == use(colors.astype(np.uint16), "rgb16", "srgb") == "applied"
    assert use(lab, "labs", "srgb") == "ignored"


def test_pages_are_counted_without_the_copies_of_a_pyramid(save: Save, colors: Picture) -> None:
    pyramid = save(colors, "a.tif", pyramid=True, tile=True, tile_width=16, tile_height=16)
    assert len(read_directories(pyramid, 99)) > 1
    assert inspect_scan(pyramid).pages == 1
    two = np.concatenate([colors, colors[::-1]])
    pages = save(two, "b.tif", page_height=60)
    assert inspect_scan(pages).pages == 2
    assert np.array_equal(open_scan(pages, page=1).numpy(), colors[::-1])
    with pytest.raises(UnsupportedScan, match="no page 2"):
        open_scan(pages, page=2)


def test_resolution_is_reported_when_stated(save: Save, grey: Picture) -> None:
    assert inspect_scan(save(grey, "a.tif", xres=600 / 25.4, yres=600 / 25.4)).dpi == pytest.approx(
        600, abs=0.1
    )
    assert inspect_scan(save(grey, "b.png")).dpi is None


@pytest.mark.parametrize(
    ("content", "kind", "said"),
    [
        (b"", CorruptScan, "empty"),
        (b"Dear curator,\nplease find enclosed", UnsupportedScan, "first bytes"),
        (b"GIF89a" + b"\0" * 40, UnsupportedScan, "GIF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UnsupportedScan, "first bytes"),
        (b"%PDF-1.7", UnsupportedScan, "first bytes"),
        (b"II*\0", CorruptScan, "no TIFF"),
        (b"II*\0\x08\0\0\0", CorruptScan, "cut off"),
        (b"II*\0\0\0\0\0", CorruptScan, "no page"),
        (b"MM\0*\x7f\xff\xff\xff", CorruptScan, "cut off"),
        (b"\x89PNG\r\n\x1a\n", CorruptScan, "scan"),
        (b"\xff\xd8\xff\xe0", CorruptScan, "scan"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", CorruptScan, "scan"),
    ],
)
def test_what_is_no_scan_is_refused_with_a_reason(
    tmp_path: Path, content: bytes, kind: type[ScanError], said: str
) -> None:
    path = tmp_path / "scan.tif"
    path.write_bytes(content)
    with pytest.raises(kind, match=said) as caught:
        inspect_scan(path)
    assert caught.value.fault
    assert caught.value.remedy


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "absent.tif", tmp_path):
        with pytest.raises(UnsupportedScan):
            inspect_scan(path)


def test_float_samples_are_refused(save: Save, grey: Picture) -> None:
    with pytest.raises(UnsupportedScan, match="floating-point"):
        inspect_scan(save(grey.astype(np.float32), "a.tif"))
    with pytest.raises(UnsupportedScan, match="32 bits"):
        inspect_scan(save(grey.astype(np.uint32), "b.tif"))


def test_animations_are_refused(tmp_path: Path, colors: Picture) -> None:
    frames = [Image.fromarray(colors), Image.fromarray(colors[::-1])]
    frames[0].save(tmp_path / "a.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(UnsupportedScan, match="animation"):
        inspect_scan(tmp_path / "a.webp")


@pytest.mark.parametrize(
    "limits",
    [{"max_pixels": 4799}, {"max_side": 79}, {"max_bytes": 100}, {"max_pages": 1}],
)
def test_limits_are_checked_from_the_header(save: Save, colors: Picture, limits: dict[str, Any]) -> None:
    path = save(np.concatenate([colors, colors]), "a.tif", page_height=60)
    with pytest.raises(ScanTooLarge):
        inspect_scan(path, limits=replace(DEFAULT_LIMITS, **limits))


def test_a_bomb_is_refused_before_decoding(tmp_path: Path) -> None:
    path = tmp_path / "bomb.tif"
    write_tiff(path, width=60_000, height=60_000, bits=1, compression=5, data=b"\x80")
    with pytest.raises(ScanTooLarge, match="60000×60000"):
        open_scan(path)


def test_a_png_that_promises_too_much_is_refused(save: Save) -> None:
    path = save(np.zeros((8, 8), np.uint8), "a.png")
    data = bytearray(path.read_bytes())
    data[16:24] = pack(">II", 40_000, 40_000)
    import zlib

    data[29:33] = pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match="promises more"):
        open_scan(path)


@pytest.mark.parametrize("tiled", [False, True])
@pytest.mark.parametrize("tag", [Tag.WIDTH, Tag.HEIGHT])
def test_a_tiff_that_lies_about_its_size_is_refused(save: Save, grey: Picture, tiled: bool, tag: Tag) -> None:
    path = save(grey, "a.tif", tile=tiled, tile_width=16, tile_height=16)
    patch_value(path, tag, 20_000)
    with pytest.raises(CorruptScan):
        open_scan(path)


def test_strips_outside_the_file_are_found_before_decoding(save: Save, grey: Picture) -> None:
    path = save(grey, "a.tif")
    patch_value(path, Tag.ROWS_PER_STRIP, 60)
    entry = read_directories(path, 9)[0].entries[Tag.STRIP_OFFSETS]
    data = bytearray(path.read_bytes())
    at = entry.value_at
    data[at : at + 4] = pack("<I", 2**31)
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match=r"promises more|too short"):
        inspect_scan(path)


def test_a_lying_count_costs_nothing(save: Save, grey: Picture) -> None:
    path = save(grey, "a.tif")
    data = bytearray(path.read_bytes())
    slot = read_directories(path, 9)[0].entries[Tag.STRIP_OFFSETS].slot
    data[slot + 4 : slot + 8] = pack("<I", 2**31)
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match="outside"):
        inspect_scan(path)


def test_pages_that_form_a_loop_are_refused(save: Save, colors: Picture) -> None:
    path = save(np.concatenate([colors, colors]), "a.tif", page_height=60)
    data = bytearray(path.read_bytes())
    first = unpack("<I", data[4:8])[0]
    second = read_directories(path, 9)[1]
    end = max(e.slot for e in second.entries.values()) + 12
    data[end : end + 4] = pack("<I", first)
    path.write_bytes(data)
    with pytest.raises(CorruptScan, match="loop"):
        inspect_scan(path)


@pytest.mark.parametrize("name", ["a.tif", "a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_are_found_at_the_latest_while_decoding(
    save: Save, colors: Picture, name: str, share: float
) -> None:
    path = save(np.tile(colors, (4, 4, 1)), name)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(CorruptScan) as caught, decoding(path):
        open_scan(path, sequential=True).numpy()
    assert caught.value.subject == str(path)


def test_flipped_bytes_end_in_a_scan_error_or_in_a_picture(save: Save, colors: Picture) -> None:
    rng = np.random.default_rng(3)
    whole = {n: save(colors, n).read_bytes() for n in ("a.tif", "a.png", "a.jpg", "a.webp")}
    for name, content in whole.items():
        for _ in range(60):
            data = np.frombuffer(content, np.uint8).copy()
            places = rng.integers(0, min(len(data), 600), 4)
            data[places] = rng.integers(0, 256, 4)
            path = save(colors, name)
            path.write_bytes(data.tobytes())
            try:
                with decoding(path):
                    assert open_scan(path, sequential=True).numpy().size > 0
            except ScanError as error:
                assert error.remedy


def test_large_strips_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write_tiff(path, width=8000, height=7000, data=b"\0" * 55_999_999 + b"\x09")
    assert open_scan(path, sequential=True).max() == 9


def test_a_replaced_file_is_read_anew(save: Save, grey: Picture) -> None:
    assert np.array_equal(open_scan(save(grey, "a.tif")).numpy(), grey)
    assert np.array_equal(open_scan(save(grey[::-1], "a.tif")).numpy(), grey[::-1])


def patch_value(path: Path, tag: Tag, value: int) -> None:
    """Overwrite the inline value of a tag of the first page of a classic little-endian TIFF."""
    entry = read_directories(path, 9)[0].entries[tag]
    data = bytearray(path.read_bytes())
    data[entry.value_at : entry.value_at + 4] = pack("<I", value)
    path.write_bytes(data)


def grey_profile(gamma: float) -> bytes:
    """Build a minimal ICC v2 grey profile (ICC.1:2001-04 §6.3.1.3) with a gamma curve."""
    curve = b"curv" + pack(">IIH", 0, 1, round(gamma * 256)) + b"\0\0"
    white = b"XYZ " + pack(">Iiii", 0, round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    text = b"text\0\0\0\0" + b"test\0\0\0\0"
    description = b"desc" + pack(">II", 0, 5) + b"grey\0" + b"\0" * 78
    description += b"\0" * (-len(description) % 4)
    tags = [(b"desc", description), (b"cprt", text), (b"wtpt", white), (b"kTRC", curve)]
    at = 128 + 4 + 12 * len(tags)
    table, body = pack(">I", len(tags)), b""
    for name, data in tags:
        table += name + pack(">II", at + len(body), len(data))
        body += data
    head = pack(">I4sI4s4s4s", at + len(body), b"\0\0\0\0", 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    head += pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28
    head += pack(">iii", round(0.9642 * 65536), 65536, round(0.8249 * 65536))
    return head.ljust(128, b"\0") + table + body


def write_tiff(
    path: Path, *, width: int, height: int, data: bytes, bits: int = 8, compression: int = 1
) -> None:
    """Write a classic little-endian grey TIFF of one strip."""
    entries = [(256, width), (257, height), (258, bits), (259, compression), (262, 1), (273, 8), (277, 1)]
    entries += [(278, height), (279, len(data))]
    directory = b"".join(pack("<HHII", tag, 4, 1, value) for tag, value in entries) + b"\0" * 4
    path.write_bytes(b"II*\0" + pack("<I", 8 + len(data)) + data + pack("<H", len(entries)) + directory)


XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" {}'
    "</x:xmpmeta>"
)


@pytest.mark.parametrize(
    "stated", ['tiff:Orientation="6"/>', "><tiff:Orientation> 6 </tiff:Orientation></rdf:Description>"]
)
@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.jpg"])
def test_an_orientation_that_only_xmp_states_is_obeyed(
    tmp_path: Path, grey: Picture, name: str, stated: str
) -> None:
    packet, texts = XMP.format(stated), PngInfo()
    texts.add_itxt("XML:com.adobe.xmp", packet)
    # libvips would write EXIF beside it.
    how: dict[str, Any] = {"pnginfo": texts} if name == "a.png" else {"xmp": packet.encode(), "quality": 98}
    Image.fromarray(grey).save(tmp_path / name, **how)
    properties = inspect_scan(tmp_path / name)
    assert (properties.orientation, properties.width, properties.height) == (6, 60, 80)
    got = open_scan(tmp_path / name, sequential=True).numpy().reshape(80, 60, -1)[..., 0]
    assert np.abs(got.astype(int) - np.rot90(grey, -1)).mean() < 3


def test_an_orientation_that_only_xmp_states_is_obeyed_in_tiff(tmp_path: Path, grey: Picture) -> None:
    packet = XMP.format('tiff:Orientation="6"/>').encode()
    tifffile.imwrite(
        tmp_path / "a.tif", grey, photometric="minisblack", extratags=[(700, 1, len(packet), packet, True)]
    )
    properties = inspect_scan(tmp_path / "a.tif")
    assert (properties.orientation, properties.width, properties.height) == (6, 60, 80)
    assert (open_scan(tmp_path / "a.tif").numpy().reshape(80, 60) == np.rot90(grey, -1)).all()


def test_an_orientation_that_exif_states_goes_before_that_of_xmp(tmp_path: Path, grey: Picture) -> None:
    image = pyvips.Image.new_from_array(grey).copy(interpretation="b-w")
    image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP.format('tiff:Orientation="6"/>').encode())
    image.set_type(pyvips.GValue.gint_type, "orientation", 3)
    image.write_to_file(str(tmp_path / "a.png"))
    assert inspect_scan(tmp_path / "a.png").orientation == 3
    assert np.array_equal(open_scan(tmp_path / "a.png").numpy(), grey[::-1, ::-1])


def test_a_profile_with_a_curve_that_cannot_be_read_is_ignored_and_said_to_be(
    tmp_path: Path, colors: Picture
) -> None:
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for at in range(132, 132 + 12 * unpack(">I", profile[128:132])[0], 12):
        tag, offset, _ = unpack(">4sII", profile[at : at + 12])
        if tag in (b"rTRC", b"gTRC", b"bTRC"):
            profile[offset : offset + 4] = b"XXXX"
    for name in ("a.tif", "a.png"):
        Image.fromarray(colors).save(tmp_path / name, icc_profile=bytes(profile))
        assert inspect_scan(tmp_path / name).profile is ProfileUse.IGNORED
        assert np.array_equal(open_scan(tmp_path / name).numpy(), colors)


@pytest.mark.parametrize("photometric", [2, 5, 9, 32803])
def test_a_single_sample_that_is_no_grey_is_refused_not_left_out(tmp_path: Path, photometric: int) -> None:
    path = tmp_path / "a.tif"
    write_tiff(path, width=8, height=8, data=bytes(range(64)))
    assert inspect_scan(path).left_out == 0
    patch_value(path, Tag.PHOTOMETRIC, photometric)
    with pytest.raises(UnsupportedScan, match=r"xport it|evelop it"):
        inspect_scan(path)
