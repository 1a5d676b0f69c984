"""An archivist's day in a browser."""

from __future__ import annotations

import json
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from catalog import given_hints
from catalog.schema import ReviewState
from tests.catalog.iiif.archive import Archive, Photograph
from tests.ui.conftest import Desk

PIXEL = """
([x, y]) => {
  const canvas = document.querySelector(".canvas canvas");
  const at = (share, size) => Math.floor(share * size);
  return [...canvas.getContext("2d").getImageData(at(x, canvas.width), at(y, canvas.height), 1, 1).data];
}
"""
PAINTED = """
() => {
  const canvas = document.querySelector(".canvas canvas");
  const context = canvas?.getContext("2d");
  return context?.getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1).data[3] > 0;
}
"""


def add(archive: Archive, count: int) -> list[Photograph]:
    return [archive.add(f"1987.{number}", title=f"Pier {number}") for number in range(1, count + 1)]


def states(archive: Archive, photographs: list[Photograph]) -> list[str]:
    return [archive.review(photograph).state.value for photograph in photographs]


def is_shown(page: Any, title: str) -> None:
    page.wait_for_function("title => document.querySelector('h1').textContent === title", arg=title)
    page.wait_for_function(PAINTED)


def said(page: Any, words: str) -> None:
    page.wait_for_function("words => document.getElementById('decided').innerText.includes(words)", arg=words)


def test_a_queue_is_worked_through_by_keyboard_alone(desk: Desk) -> None:
    photographs = add(desk.archive, 6)
    page = desk.open("/?order=arrival")
    page.click("text=Pier 1")
    is_shown(page, "Pier 1")
    page.keyboard.press("a")
    is_shown(page, "Pier 2")
    said(page, "“Pier 1” (1987.1) approved")
    page.keyboard.press("j")
    is_shown(page, "Pier 3")
    page.keyboard.press("k")
    is_shown(page, "Pier 2")
    page.keyboard.press("r")
    page.keyboard.type("blurred, j and k are letters here")
    page.keyboard.press("Enter")
    is_shown(page, "Pier 3")
    said(page, "Pier 2")
    assert states(desk.archive, photographs[:3]) == ["approved", "rejected", "pending"]
    page.keyboard.press("u")
    is_shown(page, "Pier 2")
    assert states(desk.archive, photographs[:3]) == ["approved", "pending", "pending"]
    for number in range(3, 7):
        page.keyboard.press("a")
        is_shown(page, f"Pier {number}")
    page.keyboard.press("a")
    page.wait_for_url("**/?order=arrival")
    assert states(desk.archive, photographs) == ["approved"] * 6
    page.go_back()
    is_shown(page, "Pier 6")


def test_keys_can_be_switched_off_and_the_browser_remembers(desk: Desk) -> None:
    photographs = add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/")
    is_shown(page, "Pier 1")
    page.keyboard.press("?")
    page.uncheck("[data-keys]")
    page.keyboard.press("Escape")
    page.reload()
    is_shown(page, "Pier 1")
    page.keyboard.press("a")
    page.wait_for_timeout(500)
    assert states(desk.archive, photographs) == ["pending"]
    page.click("[data-sheet]")
    page.check("[data-keys]")
    page.click("text=Close")
    page.keyboard.press("a")
    page.wait_for_selector("text=Approved by A. Rchivist")


def test_viewers_look_and_cannot_decide(desk: Desk) -> None:
    photographs = add(desk.archive, 2)
    page = desk.open("/photographs/1987.1/?review=1&order=arrival", "reader")
    is_shown(page, "Pier 1")
    for key in ("a", "h", "u", "j"):
        page.keyboard.press(key)
    is_shown(page, "Pier 2")
    assert page.locator("main button:visible", has_text="Approve").count() == 0
    assert states(desk.archive, photographs) == ["pending"] * 2


def test_the_divider_lies_in_the_picture_and_moves_by_keyboard(desk: Desk) -> None:
    add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/?review=1")
    is_shown(page, "Pier 1")
    left, right = (page.evaluate(PIXEL, place) for place in ([0.4, 0.5], [0.6, 0.5]))
    # The synthetic colorized picture is one color throughout, the original a grey ramp.
    assert left == right
    page.select_option(".compare select", label="original")
    page.wait_for_function(
        f"place => {{ const [r, g, b] = ({PIXEL})(place); return r === g && g === b; }}", arg=[0.4, 0.5]
    )
    assert page.evaluate(PIXEL, [0.6, 0.5]) == right
    divider = page.locator(".divider")
    divider.focus()
    page.keyboard.press("End")
    page.wait_for_function(
        f"place => {{ const [r, g, b] = ({PIXEL})(place); return r === g && g === b; }}", arg=[0.6, 0.5]
    )
    assert divider.get_attribute("aria-valuenow") == "100"
    page.keyboard.press("Home")
    page.wait_for_function(
        f"([place, color]) => String(({PIXEL})(place)) === String(color)", arg=[[0.4, 0.5], left]
    )
    page.check("text=side by side")
    assert page.locator(".panes .canvas").count() == 2
    page.click("[data-turn='90']")
    page.wait_for_function(PAINTED)


def test_what_was_found_lies_over_the_picture_with_its_legend(desk: Desk) -> None:
    add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/?review=1")
    is_shown(page, "Pier 1")
    page.keyboard.press("d")
    page.keyboard.press("c")
    page.wait_for_selector(".legend .bar")
    assert "dust (1)" in page.inner_text(".legend")
    assert "sure, 100 %" in page.inner_text(".legend")
    assert page.locator("svg.drawing path").count() == 1
    map_color = page.evaluate(
        "() => [...document.querySelector('canvas.map').getContext('2d').getImageData(5, 5, 1, 1).data]"
    )
    assert len(set(map_color[:3])) > 1
    page.keyboard.press("c")
    page.wait_for_selector("canvas.map", state="detached")


def place_hint(page: Any) -> None:
    page.keyboard.press("h")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.keyboard.type("letter of 1912")
    page.fill(".hints input[pattern]", "#2050C0")


def test_a_hint_is_placed_by_keyboard_and_kept_as_it_was_typed(desk: Desk) -> None:
    (photograph,) = add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/")
    is_shown(page, "Pier 1")
    page.keyboard.press("h")
    page.keyboard.press("Escape")
    assert page.locator(".cross").count() == 0
    place_hint(page)
    page.fill("[name=reason]", "the coat is blue")
    page.reload()
    is_shown(page, "Pier 1")
    assert page.input_value("[name=reason]") == "the coat is blue"
    assert page.locator(".marker").count() == page.locator(".spot").count() == 1
    page.click("[value=returned]")
    page.wait_for_selector("text=Returned by A. Rchivist")
    with desk.archive.engine.connect() as connection:
        (hint,) = given_hints.standing(connection, photograph.scan_id)
    assert (hint.color, hint.source) == ("#2050C0", "letter of 1912")
    assert 0.5 < hint.x < 0.6
    assert 0.5 < hint.y < 0.6
    page.reload()
    assert page.evaluate("Object.keys(sessionStorage).filter(key => key.includes('draft'))") == []


def test_a_hint_without_a_source_is_not_sent(desk: Desk) -> None:
    photographs = add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/?review=1")
    is_shown(page, "Pier 1")
    place_hint(page)
    page.get_by_label("Who or what states it").fill("")
    page.fill("[name=reason]", "the coat is blue")
    page.click("[value=returned]")
    assert page.evaluate("document.activeElement.validity.valueMissing")
    assert states(desk.archive, photographs) == ["pending"]


def test_nothing_typed_is_lost_when_somebody_was_faster(desk: Desk) -> None:
    (photograph,) = add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/")
    is_shown(page, "Pier 1")
    place_hint(page)
    page.fill("[name=reason]", "the coat is blue")
    desk.archive.decide(photograph, ReviewState.APPROVED)
    page.click("[value=returned]")
    page.wait_for_selector("text=approved by M. Archivist meanwhile")
    page.click("text=Show it as it is now")
    page.wait_for_selector("text=Approved by M. Archivist")
    assert page.input_value("[name=reason]") == "the coat is blue"
    assert page.locator(".marker").count() == 1
    page.click("[value=returned]")
    page.wait_for_selector("text=Returned by A. Rchivist")


def test_nothing_typed_is_lost_when_the_session_expires(desk: Desk) -> None:
    photographs = add(desk.archive, 1)
    page = desk.open("/photographs/1987.1/")
    is_shown(page, "Pier 1")
    place_hint(page)
    page.fill("[name=reason]", "the coat is blue")
    page.context.set_extra_http_headers({})
    page.click("[value=returned]")
    page.wait_for_selector("text=Your session has ended")
    assert page.input_value("[name=reason]") == "the coat is blue"
    page.context.set_extra_http_headers({"authorization": "Bearer archivist"})
    page.click("[value=returned]")
    page.wait_for_selector("text=Returned by A. Rchivist")
    assert states(desk.archive, photographs) == ["returned"]


def test_filters_apply_at_once_and_a_selection_is_decided_and_undone(desk: Desk) -> None:
    photographs = add(desk.archive, 6)
    desk.archive.add("1990.1", title="Harbor")
    page = desk.open("/?order=arrival")
    page.keyboard.press("/")
    page.keyboard.type("pier")
    page.wait_for_selector("text=Harbor", state="detached")
    assert "q=pier" in page.url
    page.check(".pick input >> nth=1")
    page.locator(".pick input").nth(3).click(modifiers=["Shift"])
    assert page.inner_text(".count") == "3 selected"
    page.click(".selecting .approve")
    page.click("text=Approve and publish 3 photographs >> nth=-1")
    said(page, "3 photographs approved")
    assert states(desk.archive, photographs) == ["pending"] + ["approved"] * 3 + ["pending"] * 2
    page.keyboard.press("u")
    page.wait_for_function("() => document.querySelectorAll('.card').length === 6")
    assert states(desk.archive, photographs) == ["pending"] * 6


def test_a_picture_that_cannot_be_had_is_told_and_asked_for_again(desk: Desk) -> None:
    add(desk.archive, 1)
    page = desk.open("/")
    page.route(
        "**/info.json", lambda route: route.fulfill(status=503, body="Come again.", content_type="text/plain")
    )
    page.click("text=Pier 1")
    page.wait_for_selector("[role=alert]")
    assert "“Colorized” cannot be shown. Come again." in page.inner_text("[role=alert]")
    page.unroute("**/info.json")
    page.click("text=Try again")
    is_shown(page, "Pier 1")


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 768)])
def test_pages_have_no_fault_that_axe_finds(desk: Desk, scheme: str, width: int) -> None:
    photographs = add(desk.archive, 2)
    desk.archive.decide(photographs[1], ReviewState.REJECTED, "blurred")
    options = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    page = desk.open("/photographs/1987.1/?review=1", **options)
    is_shown(page, "Pier 1")
    page.keyboard.press("d")
    page.keyboard.press("c")
    place_hint(page)
    page.select_option(".compare select", label="original")
    told = {"photograph": faults(page)}
    page.keyboard.press("Escape")
    for path in ("/", "/?state=rejected", "/decisions/", "/all/", "/all/?q=pier", "/nowhere"):
        page.goto(desk.home + path)
        told[path] = faults(page)
    page.goto(f"{desk.home}/")
    page.check("[data-all]")
    page.click(".selecting .reject")
    told["selection"] = faults(page)
    assert {path: found for path, found in told.items() if found} == {}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def faults(page: Any) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [
        f"{one['id']}: {json.dumps([node['html'][:120] for node in one['nodes']][:3])}" for one in violations
    ]
