// The queue's filters, which apply as they are chosen, and the selection of many photographs.

const TYPING_MS = 350;

// Shows what a filter finds without loading the page; `shown` is called now and after each time.
export function applyAtOnce(form, shown) {
  let waiting = null;
  let latest = 0;
  form.querySelector("button").hidden = true;
  const address = () => {
    const given = [...new FormData(form)].filter(([, value]) => value !== "");
    return `${form.action}?${new URLSearchParams(given)}`;
  };
  let applied = address();
  const apply = async () => {
    clearTimeout(waiting);
    // Leaving a field says again what was typed in it: what is shown, and chosen of it, stays.
    if (address() === applied) return;
    applied = address();
    const number = (latest += 1);
    try {
      const answer = await fetch(applied, { headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(`${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      // Another filter may have been chosen meanwhile.
      if (number !== latest) return;
      for (const part of [".results", ".clearing"]) {
        document.querySelector(part).replaceWith(document.adoptNode(page.querySelector(part)));
      }
      history.replaceState(null, "", applied);
      shown();
    } catch {
      location.assign(applied);
    }
  };
  form.addEventListener("change", apply);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    apply();
  });
  form.querySelector("[type=search]").addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, TYPING_MS);
  });
  shown();
}

export class Selection {
  constructor(form) {
    // Those who may not decide have none.
    if (!form) return;
    this.form = form;
    this.boxes = [...form.querySelectorAll("[name=review]")];
    this.all = form.querySelector("[data-all]");
    if (!this.all) return;
    this.all.addEventListener("change", () => this.set(this.boxes, this.all.checked));
    this.boxes.forEach((box, number) => box.addEventListener("click", (event) => this.click(number, event)));
    // A page that is come back to keeps its ticks.
    this.count();
  }

  // With Shift from the last one that was clicked to this one.
  click(number, event) {
    if (event.shiftKey && this.last !== undefined) {
      const [from, to] = [Math.min(this.last, number), Math.max(this.last, number)];
      this.set(this.boxes.slice(from, to + 1), this.boxes[number].checked);
    }
    this.last = number;
    this.count();
  }

  set(boxes, checked) {
    for (const box of boxes) box.checked = checked;
    this.count();
  }

  count() {
    const count = this.boxes.filter((box) => box.checked).length;
    this.all.checked = count === this.boxes.length;
    this.all.indeterminate = count > 0 && !this.all.checked;
    this.form.querySelector(".count").textContent = count ? `${count} selected` : "";
    for (const button of this.form.querySelectorAll("[name=decision]")) button.disabled = !count;
    this.form.classList.toggle("some", count > 0);
  }
}
