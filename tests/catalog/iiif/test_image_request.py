from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.iiif.image_request import Quality, RenderPlan, SizeLimits, parse
from imaging.errors import OptionsError

LIMITS = SizeLimits()


def plan(
    region: str, size: str, *, limits: SizeLimits = LIMITS, shape: tuple[int, int] = (300, 200)
) -> RenderPlan:
    return parse(region, size, "0", "default.jpg").plan(*shape, limits, native=Quality.COLOR)


@pytest.mark.parametrize(
    ("region", "rectangle"),
    [
        ("full", (0, 0, 300, 200)),
        ("square", (50, 0, 200, 200)),
        ("10,20,30,40", (10, 20, 30, 40)),
        ("290,190,50,50", (290, 190, 10, 10)),
        ("pct:10,50,25,12.5", (30, 100, 75, 25)),
        ("pct:50,50,0.001,0.001", (150, 100, 1, 1)),
    ],
)
def test_regions_of_section_4_1(region: str, rectangle: tuple[int, int, int, int]) -> None:
    cut = plan(region, "max")
    assert (cut.left, cut.top, cut.width, cut.height) == rectangle


@pytest.mark.parametrize(
    ("size", "delivered"),
    [
        ("max", (300, 200)),
        ("150,", (150, 100)),
        (",50", (75, 50)),
        ("pct:10", (30, 20)),
        ("30,150", (30, 150)),
        ("!90,90", (90, 60)),
        ("!300,200", (300, 200)),
        ("^600,", (600, 400)),
        ("^,400", (600, 400)),
        ("^pct:150", (450, 300)),
        ("^900,100", (900, 100)),
        ("^!900,900", (900, 600)),
        ("^!90,90", (90, 60)),
        ("1,", (1, 1)),
    ],
)
def test_sizes_of_section_4_2(size: str, delivered: tuple[int, int]) -> None:
    scaled = plan("full", size)
    assert (scaled.out_width, scaled.out_height) == delivered


@pytest.mark.parametrize(
    ("region", "size"),
    [
        *(
            (region, "max")
            for region in ("", "Full", "0,0,0,10", "0,0,10,0", "300,0,1,1", "0,200,1,1", "1,2,3")
        ),
        *((region, "max") for region in ("-1,0,5,5", "pct:101,0,5,5", "pct:0,0,0,5", "0,0,1e3,5", "٣,0,5,5")),
        *(
            ("full", size)
            for size in ("", "full", ",", "!300,", "!,300", "0,", ",0", "0,0", "pct:0", "-3,", "^")
        ),
        *(("full", size) for size in ("301,", ",201", "pct:100.1", "301,10", "^13000,", "^9000,9000")),
    ],
)
def test_what_cannot_be_met_is_refused(region: str, size: str) -> None:
    with pytest.raises(OptionsError):
        plan(region, size)


@pytest.mark.parametrize("rotation", ["", "-1", "361", "!", "90!", "1e2", "nan", "٩٠"])
def test_rotations_outside_0_to_360_are_refused(rotation: str) -> None:
    with pytest.raises(OptionsError):
        parse("full", "max", rotation, "default.jpg")


@pytest.mark.parametrize(
    "leaf", ["", "default", "default.gif", "native.jpg", "default.JPG", ".jpg", "a.b.jpg"]
)
def test_qualities_and_formats_that_are_not_offered_are_refused(leaf: str) -> None:
    with pytest.raises(OptionsError):
        parse("full", "max", "0", leaf)


@pytest.mark.parametrize(
    ("request_path", "canonical"),
    [
        ("full/max/0/default.jpg", "full/max/0/default.jpg"),
        ("0,0,300,200/300,/360/color.png", "full/max/0/default.png"),
        ("0,0,400,400/pct:50/!090.50/gray.jpg", "full/150,100/!90.5/gray.jpg"),
        ("pct:0,0,50,50/max/0.0/bitonal.webp", "0,0,150,100/max/0/bitonal.webp"),
        ("square/^400,/0/default.tif", "50,0,200,200/^400,400/0/default.tif"),
    ],
)
def test_canonical_form_of_section_4_7(request_path: str, canonical: str) -> None:
    asked = parse(*request_path.split("/")).plan(300, 200, LIMITS, native=Quality.COLOR)
    assert asked.canonical == canonical
    again = parse(*canonical.split("/")).plan(300, 200, LIMITS, native=Quality.COLOR)
    assert again.canonical == canonical


@pytest.mark.parametrize("box", ["!300,200", "!400,400", "!301,9000"])
def test_a_picture_smaller_than_the_box_it_is_confined_to_is_not_enlarged(box: str) -> None:
    delivered = plan("full", box, limits=SizeLimits())
    assert (delivered.out_width, delivered.out_height) == (300, 200)
    assert delivered.canonical == "full/max/0/default.jpg"


def test_a_box_larger_than_the_region_is_refused_where_the_deployment_says_so() -> None:
    strict = SizeLimits(refuse_small_confined=True)
    with pytest.raises(OptionsError, match="larger than the region"):
        plan("full", "!400,400", limits=strict)
    assert plan("full", "^!400,400", limits=strict).out_width == 400


def test_max_of_a_gigapixel_stays_within_the_limits() -> None:
    delivered = plan("full", "max", shape=(40_000, 25_000))
    assert LIMITS.admit(delivered.out_width, delivered.out_height)
    assert delivered.out_width * delivered.out_height > 0.99 * LIMITS.max_area
    assert delivered.canonical.startswith("full/max/")


numbers = st.one_of(st.integers(0, 50_000).map(str), st.decimals(0, 400, places=3).map(str), st.just(""))
regions = st.one_of(
    st.sampled_from(["full", "square"]),
    st.lists(numbers, min_size=4, max_size=4).map(",".join),
    st.lists(numbers, min_size=4, max_size=4).map(lambda n: "pct:" + ",".join(n)),
)
sizes = st.one_of(
    st.sampled_from(["max", "^max"]),
    st.builds("{}{}{},{}".format, st.sampled_from(["", "^"]), st.sampled_from(["", "!"]), numbers, numbers),
    st.builds("{}pct:{}".format, st.sampled_from(["", "^"]), numbers),
)
rotations = st.builds("{}{}".format, st.sampled_from(["", "!"]), numbers)


@given(regions, sizes, rotations, st.integers(1, 60_000), st.integers(1, 60_000))
def test_no_plan_leaves_the_picture_or_the_limits(
    region: str, size: str, rotation: str, width: int, height: int
) -> None:
    limits = SizeLimits(max_width=3000, max_height=2000, max_area=4_000_000)
    try:
        made = parse(region, size, rotation, "default.jpg").plan(width, height, limits, native=Quality.GRAY)
    except OptionsError:
        return
    assert 0 <= made.left < made.left + made.width <= width
    assert 0 <= made.top < made.top + made.height <= height
    assert limits.admit(made.out_width, made.out_height)
    if "^" not in size:
        assert made.out_width <= made.width
        assert made.out_height <= made.height
    again = parse(*made.canonical.split("/")).plan(width, height, limits, native=Quality.GRAY)
    assert again.canonical == made.canonical


@pytest.mark.parametrize(
    ("size", "limit"),
    [
        ("^13000,10", "13000 px of width, more than 12000"),
        ("^10,13000", "13000 px of height, more than 12000"),
        ("^10000,10000", "100000000 px, more than 36000000"),
    ],
)
def test_the_limit_that_is_passed_is_the_one_named(size: str, limit: str) -> None:
    with pytest.raises(OptionsError, match=limit):
        parse("full", size, "0", "default.jpg").plan(300, 200, SizeLimits(), native=Quality.COLOR)
