// Two pictures of a photograph at once: with a divider that lies in the picture, or side by side.

const STEP = 0.02;
// What is not even one pixel wide is not drawn.
const LEAST = 1;

export class Divider {
  constructor(view) {
    this.view = view;
    this.share = 0.5;
    this.element = document.createElement("div");
    this.element.className = "divider";
    this.element.tabIndex = 0;
    this.element.setAttribute("role", "slider");
    this.element.setAttribute("aria-label", "Divider between the two pictures");
    this.element.setAttribute("aria-valuemin", "0");
    this.element.setAttribute("aria-valuemax", "100");
    this.sides = ["left", "right"].map((side) => {
      const label = document.createElement("span");
      label.className = side;
      this.element.append(label);
      return label;
    });
    this.element.addEventListener("pointerdown", (event) => this.element.setPointerCapture(event.pointerId));
    this.element.addEventListener("pointermove", (event) => this.drag(event));
    this.element.addEventListener("keydown", (event) => this.press(event));
    view.canvas.parentElement.append(this.element);
    this.place();
  }

  name(...labels) {
    this.sides.forEach((side, number) => (side.textContent = labels[number]));
    this.element.setAttribute("aria-valuetext", `${labels[0]} left, ${labels[1]} right`);
  }

  drag(event) {
    if (!this.element.hasPointerCapture(event.pointerId)) return;
    const { left, width } = this.view.canvas.getBoundingClientRect();
    this.move((event.clientX - left) / width);
  }

  press(event) {
    const steps = { ArrowLeft: -STEP, ArrowRight: STEP, PageDown: -5 * STEP, PageUp: 5 * STEP, Home: -1, End: 1 };
    if (!steps[event.key]) return;
    event.preventDefault();
    this.move(this.share + steps[event.key]);
  }

  move(share) {
    this.share = Math.min(1, Math.max(0, share));
    this.place();
    this.view.panes[0].draw();
    this.view.viewer.forceRedraw();
  }

  place() {
    this.element.style.left = `${100 * this.share}%`;
    this.element.setAttribute("aria-valuenow", String(Math.round(100 * this.share)));
  }

  // Returns the part of an image right of the divider as it lies on the screen, in the image's pixels; `undefined`
  // when nothing of it is there. Exact for turns by right angles.
  right(image) {
    const { viewport } = this.view.viewer;
    const { x: width, y: height } = viewport.getContainerSize();
    const at = this.share * width;
    const corners = [[at, 0], [width, 0], [at, height], [width, height]].map(([x, y]) =>
      image.viewportToImageCoordinates(viewport.viewerElementToViewportCoordinates(new OpenSeadragon.Point(x, y))),
    );
    const size = image.getContentSize();
    const within = (value, most) => Math.min(most, Math.max(0, value));
    const xs = corners.map(({ x }) => within(x, size.x));
    const ys = corners.map(({ y }) => within(y, size.y));
    const [left, top] = [Math.min(...xs), Math.min(...ys)];
    const rect = new OpenSeadragon.Rect(left, top, Math.max(...xs) - left, Math.max(...ys) - top);
    return rect.width < LEAST || rect.height < LEAST ? undefined : rect;
  }
}

// Lets two viewers of the same size show the same place: the one that somebody moves leads.
export function together(one, other) {
  const follow = (leader, follower) => () => {
    if (follower.viewport.getZoom() !== leader.viewport.getZoom()) follower.viewport.zoomTo(leader.viewport.getZoom(), null);
    if (!follower.viewport.getCenter().equals(leader.viewport.getCenter())) follower.viewport.panTo(leader.viewport.getCenter());
    if (follower.viewport.getRotation() !== leader.viewport.getRotation()) follower.viewport.setRotation(leader.viewport.getRotation());
  };
  for (const event of ["zoom", "pan", "rotate", "resize"]) {
    one.addHandler(event, follow(one, other));
    other.addHandler(event, follow(other, one));
  }
  other.addOnceHandler("open", follow(one, other));
  other.world.addOnceHandler("add-item", follow(one, other));
}
