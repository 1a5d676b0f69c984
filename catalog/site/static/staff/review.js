// The staff's pages: what they hold is set up here.

import { View } from "../picture.js";
import { Decision } from "./decision.js";
import { Flow } from "./flow.js";
import { Hints } from "./hints.js";
import { Keys } from "./keys.js";
import { Overlays } from "./overlays.js";
import { applyAtOnce, Selection } from "./queue.js";

let views = [];
let decisions = [];

function open(flow) {
  views = [...document.querySelectorAll(".view")].map((element) => new View(element));
  for (const one of views) one.overlays = new Overlays(one);
  decisions = [...document.querySelectorAll(".decision[data-draft]")].map((form) => {
    const view = views[Number(form.querySelector(".hints")?.dataset.view)];
    return new Decision(form, view && new Hints(form, view), (said) => flow.decide(said));
  });
  return () => views.forEach((view) => view.destroy());
}

// Where several are on a page, keys mean the view that has the focus, and the first decision that can be made.
const view = () => views.find((one) => one.element.contains(document.activeElement)) ?? views[0];
const decision = (word) => decisions.find((one) => one.button(word));

const flow = new Flow(open);
new Keys({
  next: () => flow.follow("next"),
  previous: () => flow.follow("previous"),
  queue: () => flow.follow("queue"),
  undo: () => flow.undo(),
  approve: () => decision("approved")?.press("approved"),
  reject: () => decision("rejected")?.arm("rejected"),
  sendBack: () => decision("returned")?.arm("returned"),
  hint: () => decisions.find((one) => one.hints)?.hints.press(true),
  layer: (number) => view()?.choose(number),
  flip: () => view()?.flip(),
  damage: () => view()?.overlays.press("damage"),
  confidence: () => view()?.overlays.press("confidence"),
  search: () => (document.querySelector("main [type=search]") ?? document.querySelector("[type=search]"))?.focus(),
  escape: () => decisions.forEach((one) => one.hints?.press(false)),
});

const filter = document.querySelector("[data-at-once]");
if (filter) applyAtOnce(filter, () => new Selection(document.querySelector(".selection")));
