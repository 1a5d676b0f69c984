// Single keys for a day's work, and the sheet that tells them. People who talk to their computer, or whose
// hands slip, switch them off (WCAG 2.1.4); the browser remembers that.

const OFF = "heliochrome.keys";
const FIELDS = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]";
// What has its own use for arrows or the space bar.
const ARROWS = `.canvas, [role=slider], input`;
const SPACE = "button, a, summary, input";

export class Keys {
  // `actions` has a function for each name; one that is missing has no key.
  constructor(actions) {
    this.actions = actions;
    this.sheet = document.getElementById("sheet");
    document.addEventListener("keydown", (event) => this.press(event));
    document.querySelector("[data-sheet]")?.addEventListener("click", () => this.show());
    const box = this.sheet?.querySelector("[data-keys]");
    if (!box) return;
    box.checked = this.on;
    box.addEventListener("change", () => this.remember(box.checked));
  }

  get on() {
    try {
      return localStorage.getItem(OFF) !== "off";
    } catch {
      return this.kept ?? true;
    }
  }

  remember(on) {
    this.kept = on;
    try {
      localStorage.setItem(OFF, on ? "on" : "off");
    } catch {
      // A browser that keeps nothing: it holds for this page.
    }
  }

  show() {
    if (this.sheet && !this.sheet.open) this.sheet.showModal();
  }

  press(event) {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (event.key === "Escape") {
      this.actions.escape?.();
      return;
    }
    if (!this.on || event.target.closest?.(`${FIELDS}, dialog`)) return;
    const action = this.named(event);
    if (!action) return;
    event.preventDefault();
    action();
  }

  named(event) {
    const { key, target } = event;
    if (key === "?") return () => this.show();
    if (key.startsWith("Arrow") && target.closest?.(ARROWS)) return null;
    if (key === " " && target.closest?.(SPACE)) return null;
    if (/^[1-9]$/.test(key)) return this.actions.layer && (() => this.actions.layer(Number(key) - 1));
    const names = {
      j: "next", ArrowRight: "next", k: "previous", ArrowLeft: "previous", a: "approve", r: "reject",
      b: "sendBack", u: "undo", h: "hint", " ": "flip", "/": "search", q: "queue", d: "damage",
      c: "confidence",
    };
    return this.actions[names[key]];
  }
}
