"""What the page's script shows and lets through, run by Node.js on objects that stand for the browser's."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from catalog.site.html_pages import STATIC

NODE = shutil.which("node")
BROWSER = """
class Control {
  constructor(value) { Object.assign(this, { value, required: false, message: "" }); }
  setCustomValidity(message) { this.message = message; }
  get validity() { return { valid: !this.message && !(this.required && !this.value) }; }
}

class Form {
  constructor(sources) {
    this.buttons = ["approved", "returned", "rejected"].map((value) => new Control(value));
    this.sources = sources.map((value) => new Control(value));
    this.elements = { reason: new Control(""), hints: new Control("[]") };
    this.elements.reason.addEventListener = () => {};
    this.action = "/decision";
    this.dataset = {};
  }
  querySelector() { return { addEventListener() {} }; }
  querySelectorAll() { return this.buttons; }
  addEventListener(kind, listener) { this.submit = listener; }
  reportValidity() {
    return [...this.sources, this.elements.reason, ...this.buttons].every((one) => one.validity.valid);
  }
}

async function press({ sources, presses }) {
  const form = new Form(sources);
  const hints = new Hints(form, { viewer: { addHandler() {} } });
  for (const source of form.sources) hints.hints.push({ source, read: () => source.value });
  new Decision(form, hints, () => {});
  globalThis.FormData = class { *[Symbol.iterator]() {} };
  const left = [];
  for (const [decision, reason] of presses) {
    let sent = null;
    globalThis.fetch = async () => {
      sent = JSON.parse(form.elements.hints.value);
      return new Response("{}", { headers: { "content-type": "application/json" } });
    };
    form.elements.reason.value = reason;
    const submitter = form.buttons.find((button) => button.value === decision);
    form.submit({ submitter, preventDefault() {} });
    await new Promise((resolve) => setTimeout(resolve, 5));
    left.push(sent);
  }
  return left;
}
"""

VIEWER = """
globalThis.document = {
  querySelectorAll: () => [],
  createElement: () => ({
    addEventListener(kind, listener) { this.press = listener; },
    append(text, button) { Object.assign(this, { text, button }); },
    remove() { shown.splice(shown.indexOf(this), 1); },
    setAttribute(name, value) { this[name] = value; },
  }),
};
globalThis.location = { href: "http://museum.example/photographs/1/" };
const shown = [], drawn = [];

globalThis.OpenSeadragon = function () {
  return {
    element: { classList: { toggle() {} }, dataset: {} },
    world: { getIndexOfItem: () => 0, getItemCount: () => 1 },
    addHandler() {},
    addTiledImage({ tileSource, success }) {
      const item = {
        setOpacity: (opacity) => opacity && drawn.push(tileSource.id),
        setClip() {}, getClip: () => null, getFullyLoaded: () => true, addHandler() {},
      };
      success({ item });
    },
  };
};

const pictures = [
  { label: "Original", width: 4, height: 3, short: "Original", info: "/iiif/3/ab/info.json" },
  { label: "Restored", short: "Restored", info: "/iiif/3/cd/info.json" },
];
const element = {
  dataset: { pictures: JSON.stringify(pictures) },
  querySelector: () => null,
  querySelectorAll: () => [],
  prepend: (notice) => shown.unshift(notice),
};
const settled = () => new Promise((resolve) => setTimeout(resolve, 10));
"""


def sent(sources: list[str], *presses: tuple[str, str]) -> list[list[str] | None]:
    """Press buttons with reasons; return the hints that left with each, ``None`` where nothing left."""
    asked = json.dumps({"sources": sources, "presses": presses})
    answer: list[list[str] | None] = run(BROWSER, f"console.log(JSON.stringify(await press({asked})))")
    return answer


def run(before: str, after: str) -> Any:
    """Run the page's script between two others; return what they print, read as JSON."""
    if NODE is None:
        pytest.skip("there is no Node.js")
    modules = {"View": "picture.js", "Hints": "staff/hints.js", "Decision": "staff/decision.js"}
    imports = (
        f"import {{ {name} }} from {json.dumps((STATIC / path).as_uri())};" for name, path in modules.items()
    )
    program = "\n".join((*imports, before, after))
    # Of files without a package.json, Node.js tells only newer ones by themselves that they are modules.
    command = [NODE, "--experimental-default-type=module", "--input-type=module", "-"]
    return json.loads(subprocess.check_output(command, input=program, text=True))


def test_a_return_leaves_the_page_only_with_its_reason_and_sources() -> None:
    assert sent(["letter"], ("returned", " "), ("returned", "coat")) == [None, ["letter"]]
    assert sent(["letter", ""], ("returned", "coat")) == [None]


def test_hints_are_dropped_only_when_asked_for_twice() -> None:
    approve, reject, reject_it = ("approved", ""), ("rejected", ""), ("rejected", "blurred")
    assert sent(["letter"], approve, approve) == [None, ["letter"]]
    assert sent(["letter"], approve, reject_it, reject_it) == [None, None, ["letter"]]
    assert sent(["letter"], reject, reject_it, reject_it) == [None, None, ["letter"]]


def test_what_is_needed_follows_the_button_that_is_pressed() -> None:
    assert sent([], ("approved", "")) == [[]]
    assert sent([], ("rejected", ""), ("approved", "")) == [None, []]
    assert sent([""], ("returned", "coat"), ("approved", ""), ("approved", "")) == [None, None, [""]]


def test_a_picture_that_cannot_be_had_is_told_in_the_page_and_asked_for_again() -> None:
    told = run(
        VIEWER,
        """
        const answers = [
          () => new Response("The service is busy; try again soon.\\n", { status: 503 }),
          () => new Response("<h1>Bad Gateway</h1>", { status: 502, statusText: "Bad Gateway",
                                                       headers: { "content-type": "text/html" } }),
          () => { throw new TypeError("fetch failed"); },
          () => new Response('{"type": "ImageService3"}'),
        ];
        globalThis.fetch = async () => answers.shift()();
        (async () => {
          const view = new View(element), told = [];
          for (let time = 0; time < 4; time += 1) {
            await settled();
            told.push(shown.map((notice) => [notice.role, notice.text]));
            if (shown.length) shown[0].button.press();
          }
          console.log(JSON.stringify({ told, drawn }));
        })();
        """,
    )
    words = [
        "The service is busy; try again soon.",
        "The server answered 502 Bad Gateway.",
        "fetch failed",
    ]
    assert told["told"] == [*([["alert", f"“Original” cannot be shown. {one} "]] for one in words), []]
    assert told["drawn"] == ["http://museum.example/iiif/3/ab"]


def test_a_notice_of_one_picture_goes_when_another_is_chosen() -> None:
    told = run(
        VIEWER,
        """
        globalThis.fetch = async (address) =>
          address.includes("/ab/") ? new Response("No.", { status: 404 }) : new Response("{}");
        (async () => {
          const view = new View(element);
          await settled();
          const before = shown.length;
          await view.show(1);
          console.log(JSON.stringify({ before, after: shown.length, drawn }));
        })();
        """,
    )
    assert told == {"before": 1, "after": 0, "drawn": ["http://museum.example/iiif/3/cd"]}
