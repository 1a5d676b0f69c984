// Color hints: placed with the pointer or by keyboard, drawn on the picture with the region they speak for.

const STEP = 0.02;
const FINE = 0.002;
const RADIUS = { least: 0.005, usual: 0.02, most: 0.2 };

export class Hints {
  // `changed` is called whenever something was placed, typed or removed.
  constructor(form, view, changed = () => {}) {
    this.form = form;
    this.view = view;
    this.changed = changed;
    this.list = form.querySelector(".hints ol");
    this.button = form.querySelector(".place");
    this.hints = [];
    this.button.addEventListener("click", () => this.press(!this.placing));
    view.viewer.addHandler("canvas-click", (event) => this.click(event));
    // Before the viewer takes the arrows for itself.
    view.canvas?.addEventListener("keydown", (event) => this.key(event), true);
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
    if (Boolean(this.placing) === placing) return;
    this.placing = placing;
    this.button.setAttribute("aria-pressed", String(placing));
    this.button.textContent = placing ? "Click the picture, or move the cross with arrows and press Enter" : "Place color hints";
    this.view.canvas.classList.toggle("placing", placing);
    this.cross?.remove();
    this.cross = null;
    if (!placing) return;
    this.cross = document.createElement("div");
    this.cross.className = "cross";
    this.at = { x: 0.5, y: 0.5 };
    this.move(0, 0);
    this.view.canvas.append(this.cross);
    this.view.canvas.focus();
  }

  key(event) {
    if (!this.placing) return;
    const step = event.shiftKey ? FINE : STEP;
    const ways = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    if (event.key === "Escape") this.press(false);
    else if (event.key === "Enter") this.place(this.pixel());
    else if (ways[event.key]) this.move(...ways[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  move(right, down) {
    const within = (value) => Math.min(1, Math.max(0, value));
    this.at = { x: within(this.at.x + right), y: within(this.at.y + down) };
    this.cross.style.left = `${100 * this.at.x}%`;
    this.cross.style.top = `${100 * this.at.y}%`;
  }

  pixel() {
    const { x, y } = this.view.viewer.viewport.getContainerSize();
    return new OpenSeadragon.Point(this.at.x * x, this.at.y * y);
  }

  click(event) {
    if (this.placing && event.quick) this.place(event.position);
  }

  place(position) {
    if (!this.view.image) return;
    const point = this.view.viewer.viewport.pointFromPixel(position);
    const { x, y } = this.view.image.viewportToImageCoordinates(point);
    const size = this.view.image.getContentSize();
    if (x < 0 || y < 0 || x > size.x || y > size.y) return;
    this.press(false);
    this.add({ x: x / size.x, y: y / size.y }).source.focus();
    this.changed();
  }

  // Takes up a hint, be it fresh or one that was typed before; returns its editor.
  add(given) {
    const hint = new Editor(given, this.view);
    hint.item.addEventListener("input", () => {
      hint.draw();
      this.changed();
    });
    hint.remove.addEventListener("click", () => {
      this.hints.splice(this.hints.indexOf(hint), 1);
      hint.take();
      this.number();
      this.changed();
      this.button.focus();
    });
    this.hints.push(hint);
    this.list.append(hint.item);
    this.number();
    return hint;
  }

  number() {
    this.hints.forEach((hint, number) => (hint.marker.textContent = String(number + 1)));
  }
}

class Editor {
  constructor(given, view) {
    this.view = view;
    this.given = given;
    this.item = document.createElement("li");
    this.color = this.field("Color", "color", given.color ?? "#808080");
    this.typed = this.field("as #rrggbb", "text", given.color ?? this.color.value, { pattern: "#[0-9a-fA-F]{6}", size: 8, maxLength: 7 });
    this.source = this.field("Who or what states it", "text", given.source ?? "", { maxLength: 500, placeholder: "needed: a letter, a witness, a surviving piece" });
    this.citation = this.field("Where it can be looked up", "text", given.citation ?? "", { maxLength: 500 });
    this.dated = this.field("Date of the source", "text", given.source_date ?? "", { maxLength: 100 });
    this.radius = this.field("Region", "range", given.radius ?? RADIUS.usual, {}, { min: RADIUS.least, max: RADIUS.most, step: 0.005 });
    this.color.addEventListener("input", () => (this.typed.value = this.color.value));
    this.typed.addEventListener("input", () => {
      if (this.typed.validity.valid && this.typed.value) this.color.value = this.typed.value;
    });
    this.typed.required = true;
    this.remove = document.createElement("button");
    Object.assign(this.remove, { type: "button", textContent: "Remove" });
    this.item.append(this.remove);
    this.marker = document.createElement("div");
    this.marker.className = "marker";
    this.region = document.createElement("div");
    this.region.className = "spot";
    const { x, y } = this.center();
    view.viewer.addOverlay({ element: this.region, location: this.circle() });
    view.viewer.addOverlay({ element: this.marker, location: new OpenSeadragon.Point(x, y) });
    this.draw();
  }

  field(words, type, value, properties = {}, attributes = {}) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    input.type = type;
    for (const [name, set] of Object.entries(attributes)) input.setAttribute(name, set);
    Object.assign(input, { value, ...properties });
    label.append(`${words} `, input);
    this.item.append(label);
    return input;
  }

  get size() {
    return this.view.size;
  }

  center() {
    return { x: this.given.x, y: (this.given.y * this.size.y) / this.size.x };
  }

  circle() {
    const { x, y } = this.center();
    const radius = Number(this.radius.value) * Math.max(1, this.size.y / this.size.x);
    return new OpenSeadragon.Rect(x - radius, y - radius, 2 * radius, 2 * radius);
  }

  draw() {
    this.marker.style.background = this.color.value;
    this.region.style.borderColor = this.color.value;
    this.view.viewer.updateOverlay(this.region, this.circle());
  }

  take() {
    this.item.remove();
    this.view.viewer.removeOverlay(this.marker);
    this.view.viewer.removeOverlay(this.region);
  }

  // The color as it was typed or chosen, to the letter.
  read() {
    return {
      x: this.given.x,
      y: this.given.y,
      radius: Number(this.radius.value),
      color: this.typed.value,
      source: this.source.value,
      citation: this.citation.value,
      source_date: this.dated.value,
    };
  }
}
