"""What the page's script lets through, run by Node.js on a form that stands for the browser's."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from catalog.web.app import STATIC

NODE = shutil.which("node")
BROWSER = """
const document = { querySelectorAll: () => [] };

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
  }
  querySelector() { return { addEventListener() {} }; }
  querySelectorAll() { return this.buttons; }
  addEventListener(kind, listener) { this.submit = listener; }
  reportValidity() {
    return [...this.sources, this.elements.reason, ...this.buttons].every((one) => one.validity.valid);
  }
}

function press({ sources, presses }) {
  const form = new Form(sources);
  const hints = new Hints(form, { viewer: { addHandler() {} } });
  for (const source of form.sources) hints.hints.push({ source, read: () => source.value });
  new Decision(form, hints);
  return presses.map(([decision, reason]) => {
    let sent = form.elements.hints;
    form.elements.reason.value = reason;
    const submitter = form.buttons.find((button) => button.value === decision);
    form.submit({ submitter, preventDefault() { sent = null; } });
    return sent && JSON.parse(sent.value);
  });
}
"""


def sent(sources: list[str], *presses: tuple[str, str]) -> list[list[str] | None]:
    """Press buttons with reasons; return the hints that left with each, ``None`` where nothing left."""
    if NODE is None:
        pytest.skip("there is no Node.js")
    asked = json.dumps({"sources": sources, "presses": presses})
    script = (STATIC / "heliochrome.js").read_text()
    program = f"{BROWSER}{script}\nconsole.log(JSON.stringify(press({asked})))"
    answer: list[list[str] | None] = json.loads(
        subprocess.check_output([NODE, "-"], input=program, text=True)
    )
    return answer


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
