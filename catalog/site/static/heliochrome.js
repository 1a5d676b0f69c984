// Deep zoom with a switch between the pictures of a photograph, color hints placed by clicking, and decisions.
"use strict";

// The address in info.json may be another name of this very server: tiles are asked for where the page came from.
async function tileSource(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await reason(answer));
  const information = await answer.json();
  return { ...information, id: new URL(address.replace(/\/info\.json$/, ""), location.href).href };
}

// What the server says in words; pages and data that a proxy or a guard answers with are no words.
async function reason(answer) {
  const words = answer.headers.get("content-type")?.startsWith("text/plain") ? await answer.text() : "";
  return words.trim() || `The server answered ${answer.status} ${answer.statusText}.`;
}

class View {
  constructor(element) {
    this.element = element;
    this.pictures = JSON.parse(element.dataset.pictures);
    this.layers = this.pictures.map(() => null);
    this.viewer = OpenSeadragon({
      element: element.querySelector(".canvas"),
      showNavigationControl: false,
      drawer: "canvas",
      animationTime: 0.5,
      maxZoomPixelRatio: 4,
      visibilityRatio: 0.6,
      // A busy server asks to come again.
      tileRetryMax: 3,
      gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
    });
    for (const radio of element.querySelectorAll(".switch input")) {
      radio.addEventListener("change", () => this.show(Number(radio.value)));
      if (radio.checked) this.chosen = Number(radio.value);
    }
    this.curtain = element.querySelector(".curtain input");
    this.curtain?.addEventListener("input", () => this.draw());
    for (const button of element.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(Number(button.dataset.zoom)));
    }
    this.show(this.chosen ?? 0);
  }

  zoom(factor) {
    if (factor) this.viewer.viewport.zoomBy(factor);
    else this.viewer.viewport.goHome();
  }

  async show(number) {
    this.chosen = number;
    this.fail(null);
    for (const needed of this.curtain ? [number, 0] : [number]) {
      try {
        await this.load(needed);
      } catch (error) {
        // Another picture may have been chosen meanwhile.
        if (this.chosen === number) this.fail(needed, error);
      }
      this.draw();
    }
  }

  fail(number, error) {
    this.notice?.remove();
    this.notice = null;
    if (number === null) return;
    const again = document.createElement("button");
    again.type = "button";
    again.textContent = "Try again";
    again.addEventListener("click", () => this.show(this.chosen));
    this.notice = document.createElement("div");
    this.notice.className = "failure";
    this.notice.setAttribute("role", "alert");
    this.notice.append(`“${this.pictures[number].label}” cannot be shown. ${error.message} `, again);
    this.element.prepend(this.notice);
  }

  load(number) {
    this.layers[number] ??= this.add(number).catch((error) => {
      this.layers[number] = null;
      throw error;
    });
    return this.layers[number];
  }

  add(number) {
    return tileSource(this.pictures[number].info).then(
      (source) =>
        new Promise((resolve, reject) => {
          this.viewer.addTiledImage({
            tileSource: source,
            // The first picture lies below the others, whichever is loaded first.
            index: number === 0 ? 0 : undefined,
            opacity: 0,
            width: 1,
            success: (event) => resolve((this.layers[number].image = event.item)),
            error: (event) => reject(new Error(event.message)),
          });
        }),
    );
  }

  draw() {
    const share = this.curtain ? Number(this.curtain.value) / 100 : 0;
    this.layers.forEach((layer, number) => {
      const image = layer?.image;
      if (!image) return;
      const below = number === 0 && share > 0;
      image.setOpacity(number === this.chosen || below ? 1 : 0);
      const { x, y } = image.getContentSize();
      const cut = number === this.chosen && number !== 0 && share > 0;
      image.setClip(cut ? new OpenSeadragon.Rect(share * x, 0, (1 - share) * x, y) : null);
    });
  }

  get image() {
    return this.layers[this.chosen]?.image;
  }
}

class Hints {
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

// The page is not kept when it is left, nor are the hints typed in it: what would be refused is stopped here.
class Decision {
  constructor(form, hints) {
    this.form = form;
    this.hints = hints;
    this.buttons = form.querySelectorAll("[name=decision]");
    // What is needed depends on the button that is pressed.
    form.noValidate = true;
    form.addEventListener("submit", (event) => this.check(event));
  }

  check(event) {
    const button = event.submitter;
    const { reason } = this.form.elements;
    const returned = button.value === "returned";
    reason.value = reason.value.trim();
    reason.required = returned || button.value === "rejected";
    this.hints?.send(returned);
    // Airflow's frame allows no dialogs: the button itself asks, and is pressed again for an answer.
    const ask = !returned && this.hints?.count && reason.validity.valid && this.asked !== button;
    for (const other of this.buttons) other.setCustomValidity("");
    if (ask) button.setCustomValidity("This drops the hints you placed. Press again to do so.");
    this.asked = ask ? button : null;
    if (!this.form.reportValidity()) event.preventDefault();
  }
}

function input(type, label, value = "") {
  const element = document.createElement("input");
  Object.assign(element, { type, value, placeholder: label });
  element.setAttribute("aria-label", label);
  return element;
}

const views = [...document.querySelectorAll(".view")].map((element) => new View(element));
for (const form of document.querySelectorAll(".decision")) {
  const view = views[Number(form.querySelector(".hints")?.dataset.view)];
  new Decision(form, view && new Hints(form, view));
}
