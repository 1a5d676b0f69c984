// What the workflow found, drawn over the photograph: damage by kind, confidence, hints and their regions.

// Okabe and Ito's colors, told apart by the color-blind, https://jfly.uni-koeln.de/color/.
const COLORS = ["#e69f00", "#56b4e9", "#f0e442", "#cc79a7", "#d55e00", "#009e73", "#0072b2"];
const SVG = "http://www.w3.org/2000/svg";

export class Overlays {
  constructor(view) {
    this.view = view;
    this.data = JSON.parse(view.element.dataset.overlays);
    this.box = view.element.querySelector(".overlays");
    this.legend = view.element.querySelector(".legend");
    this.drawn = {};
    for (const input of this.box.querySelectorAll("[type=checkbox]")) {
      input.addEventListener("change", () => this.toggle(input.value, input.checked));
    }
    this.opacity = this.box.querySelector("[type=range]");
    this.opacity.addEventListener("input", () => this.fade());
    for (const { value } of this.box.querySelectorAll(":checked")) this.toggle(value, true);
  }

  press(name) {
    this.box.querySelector(`[value=${name}]`)?.click();
  }

  async toggle(name, shown) {
    this.drawn[name]?.remove();
    delete this.drawn[name];
    if (!shown) {
      this.told();
      return;
    }
    const draw = { damage: () => this.damage(), confidence: () => this.confidence(), hints: () => this.hints() }[name];
    try {
      const overlay = await draw();
      // It may have been switched off meanwhile.
      if (!this.box.querySelector(`[value=${name}]`).checked) return;
      this.drawn[name] = overlay;
      this.lay(overlay.element);
    } catch (error) {
      this.view.fail(`The overlay cannot be shown. ${error.message}`, () => this.toggle(name, true));
    }
    this.fade();
    this.told();
  }

  lay(element) {
    const { width, height } = this.data;
    this.view.viewer.addOverlay({ element, location: new OpenSeadragon.Rect(0, 0, 1, height / width) });
  }

  fade() {
    for (const { element } of Object.values(this.drawn)) element.style.opacity = String(this.opacity.value / 100);
  }

  told() {
    this.legend.replaceChildren(...Object.values(this.drawn).flatMap(({ legend }) => legend));
  }

  overlay(element, legend) {
    return { element, legend, remove: () => this.view.viewer.removeOverlay(element) };
  }

  get kinds() {
    return [...new Set(this.data.regions.map((region) => region.kind))].sort();
  }

  damage() {
    const { width, height, regions } = this.data;
    const svg = drawing(width, height);
    const color = (kind) => COLORS[this.kinds.indexOf(kind) % COLORS.length];
    for (const { kind, mended, polygon } of regions) {
      const path = shape("path", { d: `M${polygon.map((point) => point.join()).join("L")}Z` });
      path.style.stroke = color(kind);
      path.classList.toggle("left", !mended);
      const title = shape("title", {});
      title.textContent = `${kind}, ${mended ? "mended" : "not mended"}`;
      path.append(title);
      svg.append(path);
    }
    const legend = this.kinds.map((kind) => {
      const count = regions.filter((region) => region.kind === kind).length;
      return entry(swatch(color(kind)), `${kind} (${count})`);
    });
    if (regions.some((region) => !region.mended)) legend.push(entry("", "dashed: not mended"));
    if (!regions.length) legend.push(entry("", "no damage was found"));
    return this.overlay(svg, legend);
  }

  async confidence() {
    const picture = await load(this.data.confidence);
    const canvas = document.createElement("canvas");
    Object.assign(canvas, { width: picture.naturalWidth, height: picture.naturalHeight, className: "map" });
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(picture, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height);
    colorize(pixels.data, this.data.colors);
    context.putImageData(pixels, 0, 0);
    return this.overlay(canvas, [scale(this.data.colors)]);
  }

  hints() {
    const { width, height, hints } = this.data;
    const svg = drawing(width, height);
    for (const hint of hints) {
      const radius = hint.radius * Math.max(width, height);
      const circle = shape("circle", { cx: hint.x * width, cy: hint.y * height, r: radius });
      circle.style.fill = circle.style.stroke = hint.color;
      circle.classList.add("region");
      const title = shape("title", {});
      title.textContent = `${hint.color}: ${hint.source}`;
      circle.append(title);
      svg.append(circle);
    }
    const legend = hints.map((hint) => entry(swatch(hint.color), hint.source));
    return this.overlay(svg, legend.length ? legend : [entry("", "no hints are given")]);
  }
}

function colorize(data, colors) {
  const table = colors.map((color) => [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16)));
  for (let at = 0; at < data.length; at += 4) {
    const [red, green, blue] = table[data[at]];
    data[at] = red;
    data[at + 1] = green;
    data[at + 2] = blue;
  }
}

function scale(colors) {
  const item = entry("", "");
  const bar = document.createElement("canvas");
  Object.assign(bar, { width: colors.length, height: 1, className: "bar" });
  const context = bar.getContext("2d");
  colors.forEach((color, at) => {
    context.fillStyle = color;
    context.fillRect(at, 0, 1, 1);
  });
  item.append("a guess, 0 % ", bar, " sure, 100 %");
  return item;
}

function load(address) {
  return new Promise((resolve, reject) => {
    const picture = new Image();
    picture.onload = () => resolve(picture);
    picture.onerror = () => reject(new Error("The server did not deliver it."));
    picture.src = address;
  });
}

function drawing(width, height) {
  return shape("svg", { viewBox: `0 0 ${width} ${height}`, class: "drawing" });
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function swatch(color) {
  const element = document.createElement("span");
  element.className = "swatch";
  element.style.background = color;
  return element;
}

function entry(mark, words) {
  const item = document.createElement("li");
  item.append(mark, words);
  return item;
}
