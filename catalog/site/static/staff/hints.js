// Color hints, placed by clicking the picture.

export class Hints {
  constructor(form, view) {
    this.form = form;
    this.view = view;
    this.list = form.querySelector(".hints ol");
    this.button = form.querySelector(".place");
    this.hints = [];
    this.button.addEventListener("click", () => this.press(!this.placing));
    view.viewer.addHandler("canvas-click", (event) => this.click(event));
  }

  get count() {
    return this.hints.length;
  }

  // Only a return takes hints along: for any other decision they need not be complete.
  send(returned) {
    for (const hint of this.hints) hint.source.required = returned;
    this.form.elements.hints.value = JSON.stringify(this.hints.map((hint) => hint.read()));
  }

  press(placing) {
    this.placing = placing;
    this.button.setAttribute("aria-pressed", String(placing));
    this.button.textContent = placing ? "Click the picture …" : "Place color hints";
  }

  click(event) {
    if (!this.placing || !event.quick || !this.view.image) return;
    const point = this.view.viewer.viewport.pointFromPixel(event.position);
    const pixel = this.view.image.viewportToImageCoordinates(point);
    const size = this.view.image.getContentSize();
    if (pixel.x < 0 || pixel.y < 0 || pixel.x > size.x || pixel.y > size.y) return;
    this.add(pixel.x / size.x, pixel.y / size.y, point);
    this.press(false);
  }

  add(x, y, point) {
    const source = input("text", "Who or what states it (required)");
    const hint = { item: document.createElement("li"), marker: document.createElement("div"), source };
    const row = document.createElement("div");
    const color = input("color", "Color", "#808080");
    const citation = input("text", "Where it can be looked up");
    const dated = input("text", "Date of the source");
    const remove = document.createElement("button");
    remove.type = "button";
    remove.textContent = "Remove";
    row.append(color, source, citation, dated, remove);
    hint.item.append(row);
    hint.marker.className = "marker";
    color.addEventListener("input", () => (hint.marker.style.background = color.value));
    hint.marker.style.background = color.value;
    hint.read = () => ({
      x, y, color: color.value, source: source.value, citation: citation.value, source_date: dated.value,
    });
    remove.addEventListener("click", () => {
      this.hints.splice(this.hints.indexOf(hint), 1);
      hint.item.remove();
      this.view.viewer.removeOverlay(hint.marker);
      this.number();
    });
    this.hints.push(hint);
    this.list.append(hint.item);
    this.view.viewer.addOverlay({ element: hint.marker, location: point });
    this.number();
    source.focus();
  }

  number() {
    this.hints.forEach((hint, number) => (hint.marker.textContent = String(number + 1)));
  }
}

function input(type, label, value = "") {
  const element = document.createElement("input");
  Object.assign(element, { type, value, placeholder: label });
  element.setAttribute("aria-label", label);
  return element;
}
