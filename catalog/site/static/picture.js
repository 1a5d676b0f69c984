// Deep zoom with a switch between the pictures of a photograph.

// Of pictures that were fetched ahead; only the latest few matter.
const sources = new Map();
const MOST_SOURCES = 20;

// The address in info.json may be another name of this very server: tiles are asked for where the page came from.
async function tileSource(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(await reason(answer));
  const information = await answer.json();
  return { ...information, id: new URL(address.replace(/\/info\.json$/, ""), location.href).href };
}

// Has the browser fetch what a view of another page will show at first, in an element of the size of `canvas`.
export async function warm(element, canvas) {
  const pictures = JSON.parse(element.dataset.pictures);
  const { info } = pictures.find((one) => one.chosen) ?? pictures[0];
  const information = await tileSource(info);
  sources.set(info, information);
  for (const old of [...sources.keys()].slice(0, -MOST_SOURCES)) sources.delete(old);
  const source = new OpenSeadragon.IIIFTileSource(information);
  const fit = Math.min(canvas.clientWidth / source.width, canvas.clientHeight / source.height);
  // As the viewer chooses: the level of which at most two pixels go to one of the screen.
  const least = source.getLevelScale(source.minLevel);
  const level = Math.min(source.maxLevel, source.minLevel + Math.max(0, Math.floor(Math.log2((2 * fit * devicePixelRatio) / least))));
  const { x: columns, y: rows } = source.getNumTiles(level);
  const addresses = [];
  for (let x = 0; x < columns; x += 1) for (let y = 0; y < rows; y += 1) addresses.push(source.getTileUrl(level, x, y));
  await Promise.all(addresses.map(picture));
}

function picture(address) {
  return new Promise((done) => {
    const image = new Image();
    image.onload = image.onerror = done;
    image.src = address;
  });
}

// What the server says in words; pages and data that a proxy or a guard answers with are no words.
async function reason(answer) {
  const words = answer.headers.get("content-type")?.startsWith("text/plain") ? await answer.text() : "";
  return words.trim() || `The server answered ${answer.status} ${answer.statusText}.`;
}

export class View {
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

  destroy() {
    this.viewer.destroy();
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

  async source(info) {
    return sources.get(info) ?? tileSource(info);
  }

  add(number) {
    return this.source(this.pictures[number].info).then(
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
