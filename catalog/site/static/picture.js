// Deep zoom into a photograph: a switch between its pictures, two of them compared, rotation, brightness.

import { Divider, together } from "./comparison.js";
import { tileSource } from "./sources.js";

const OPTIONS = {
  showNavigationControl: false,
  drawer: "canvas",
  animationTime: 0.5,
  maxZoomPixelRatio: 4,
  visibilityRatio: 0.6,
  // A busy server asks to come again.
  tileRetryMax: 3,
  gestureSettingsMouse: { clickToZoom: false, dblClickToZoom: true },
};

export class View {
  constructor(element) {
    this.element = element;
    this.pictures = JSON.parse(element.dataset.pictures);
    // Of the whole picture, px: known before anything is loaded.
    this.size = { x: this.pictures[0].width, y: this.pictures[0].height };
    this.canvas = element.querySelector(".canvas");
    this.panes = [new Pane(this, this.canvas)];
    this.viewer = this.panes[0].viewer;
    this.mode = "divider";
    this.other = null;
    for (const radio of element.querySelectorAll(".switch input")) {
      radio.addEventListener("change", () => this.show(Number(radio.value)));
      if (radio.checked) this.chosen = Number(radio.value);
    }
    this.compared = element.querySelector(".compare select");
    this.compared?.addEventListener("change", () => this.compare());
    for (const radio of element.querySelectorAll(".mode input")) {
      radio.addEventListener("change", () => this.compare(radio.value));
    }
    for (const button of element.querySelectorAll("[data-zoom]")) {
      button.addEventListener("click", () => this.zoom(button.dataset.zoom));
    }
    for (const button of element.querySelectorAll("[data-turn]")) {
      button.addEventListener("click", () => this.viewer.viewport.rotateBy(Number(button.dataset.turn)));
    }
    const brightness = element.querySelector(".brightness input");
    brightness?.addEventListener("input", () => this.brighten(Number(brightness.value)));
    this.show(this.chosen ?? 0);
  }

  destroy() {
    for (const pane of this.panes) pane.viewer.destroy();
  }

  // Shows a picture and says so in the switch.
  choose(number) {
    const radio = this.element.querySelectorAll(".switch input")[number];
    if (!radio || this.chosen === number) return;
    radio.checked = true;
    this.show(number);
  }

  // To the first picture and back.
  flip() {
    if (this.chosen !== 0) {
      this.before = this.chosen;
      this.choose(0);
    } else if (this.before) this.choose(this.before);
  }

  zoom(how) {
    const { viewport } = this.viewer;
    if (how === "fit") viewport.goHome();
    else if (how === "actual" && this.image) viewport.zoomTo(this.image.imageToViewportZoom(1) / devicePixelRatio);
    else viewport.zoomBy(Number(how));
    viewport.applyConstraints();
  }

  brighten(percent) {
    for (const pane of this.panes) pane.viewer.drawer.canvas.style.filter = percent === 100 ? "" : `brightness(${percent / 100})`;
  }

  show(number) {
    this.chosen = number;
    return this.panes[0].show(number);
  }

  // Lays another picture beside the chosen one, or under it with a divider between them.
  compare(mode = this.mode) {
    this.divider ??= new Divider(this);
    this.mode = mode;
    const chosen = this.compared.value;
    this.other = chosen === "" ? null : Number(chosen);
    this.element.querySelector(".mode").hidden = this.other === null;
    const beside = this.other !== null && mode === "beside";
    this.element.classList.toggle("beside", beside);
    if (beside) this.lay(this.other);
    else this.take();
    this.divider.element.hidden = this.other === null || beside;
    return this.panes[0].show(this.chosen);
  }

  lay(number) {
    if (!this.panes[1]) {
      const canvas = document.createElement("div");
      canvas.className = "canvas";
      canvas.tabIndex = 0;
      this.canvas.parentElement.prepend(canvas);
      this.panes.push(new Pane(this, canvas));
      together(this.panes[0].viewer, this.panes[1].viewer);
    }
    this.panes[1].viewer.element.setAttribute("aria-label", `${this.pictures[number].label}, zoomable`);
    this.panes[1].show(number);
  }

  take() {
    const [, pane] = this.panes.splice(1);
    if (!pane) return;
    pane.viewer.destroy();
    pane.viewer.element.remove();
  }

  // Writes on the pictures which is which, where there are two.
  name() {
    const labels = [this.other, this.chosen].map((number) => this.pictures[number]?.short ?? "");
    this.divider?.name(...labels);
    const beside = this.panes.length > 1;
    for (const pane of this.panes) {
      if (beside) pane.viewer.element.dataset.label = labels[pane === this.panes[0] ? 1 : 0];
      else delete pane.viewer.element.dataset.label;
    }
  }

  // The picture that lies under the chosen one, left of the divider; `null` where there is none.
  get under() {
    return this.other !== null && this.mode === "divider" && this.other !== this.chosen ? this.other : null;
  }

  get image() {
    return this.panes[0].layers[this.chosen]?.image;
  }

  fail(words, again) {
    this.notice?.remove();
    this.notice = null;
    if (words === null) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = "Try again";
    button.addEventListener("click", again);
    this.notice = document.createElement("div");
    this.notice.className = "failure";
    this.notice.setAttribute("role", "alert");
    this.notice.append(`${words} `, button);
    this.element.prepend(this.notice);
  }
}

// One viewer, with a layer for each picture that was shown in it.
class Pane {
  constructor(view, canvas) {
    this.view = view;
    this.layers = view.pictures.map(() => null);
    this.viewer = OpenSeadragon({ element: canvas, ...OPTIONS });
    // Letters mean what the page says they mean; arrows, plus and minus move the picture.
    this.viewer.addHandler("canvas-key", (event) => {
      if (/^[a-z]$/i.test(event.originalEvent.key)) event.preventDefaultAction = true;
    });
    this.viewer.addHandler("viewport-change", () => this.draw());
    this.viewer.addHandler("tile-load-failed", (event) => event.maxReached && this.lack(event.tiledImage));
  }

  // Says whether what is shown is still being loaded.
  settle(loading = this.layers.some((layer, number) => this.shows(number) && !layer?.image?.getFullyLoaded())) {
    this.viewer.element.classList.toggle("loading", loading);
  }

  shows(number) {
    return number === this.chosen || (this === this.view.panes[0] && number === this.view.under);
  }

  lack(image) {
    this.view.fail("Some of the picture could not be loaded.", () => {
      this.view.fail(null);
      image.reset();
    });
  }

  async show(number) {
    this.chosen = number;
    this.view.fail(null);
    this.settle(true);
    const under = this === this.view.panes[0] ? this.view.under : null;
    this.view.name();
    for (const needed of under === null ? [number] : [number, under]) {
      try {
        await this.layer(needed);
      } catch (error) {
        // Another picture may have been chosen meanwhile.
        if (this.chosen !== number) continue;
        this.settle(false);
        this.view.fail(`“${this.view.pictures[needed].label}” cannot be shown. ${error.message}`, () => this.show(this.chosen));
      }
      this.draw();
    }
    if (this.chosen === number && !this.view.notice) this.settle();
  }

  layer(number) {
    this.layers[number] ??= this.add(number).catch((error) => {
      this.layers[number] = null;
      throw error;
    });
    return this.layers[number];
  }

  async add(number) {
    const source = await tileSource(this.view.pictures[number].info);
    return new Promise((resolve, reject) => {
      this.viewer.addTiledImage({
        tileSource: source,
        opacity: 0,
        width: 1,
        success: ({ item }) => {
          item.addHandler("fully-loaded-change", () => this.settle());
          resolve((this.layers[number].image = item));
        },
        error: (event) => reject(new Error(event.message)),
      });
    });
  }

  draw() {
    const under = this === this.view.panes[0] ? this.view.under : null;
    const { world } = this.viewer;
    this.layers.forEach((layer, number) => {
      const image = layer?.image;
      if (!image) return;
      const top = number === this.chosen;
      const cut = top && under !== null ? this.view.divider.right(image) : null;
      const shown = (top && cut !== undefined) || number === under;
      image.setOpacity(shown ? 1 : 0);
      if (top && world.getIndexOfItem(image) !== world.getItemCount() - 1) {
        world.setItemIndex(image, world.getItemCount() - 1);
      }
      if (String(image.getClip()) !== String(cut ?? null)) image.setClip(cut ?? null);
    });
  }
}
