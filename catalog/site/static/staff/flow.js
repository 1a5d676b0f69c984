// From one photograph of the queue to the next without loading a page: the next one is fetched while this one
// is looked at, page and pictures. Without scripts the same links and forms lead the same way.

import { post } from "./decision.js";
import { warm } from "../sources.js";

const FRESH_MS = 120_000;
const UNDO_MS = 10_000;
const AHEAD_MS = 250;

export class Flow {
  // `open` sets up what a page holds and returns a function that takes it down again.
  constructor(open) {
    this.open = open;
    this.fetched = new Map();
    this.decided = document.getElementById("decided");
    addEventListener("popstate", () => this.go(location.href, false));
    document.addEventListener("click", (event) => this.click(event));
    document.addEventListener("submit", (event) => this.submit(event));
    if (this.decided?.firstElementChild) this.fade();
    this.begin();
  }

  begin() {
    this.close = this.open(this);
    const next = this.way("next");
    // This picture first.
    if (next) this.ahead = setTimeout(() => this.preload(next.href), AHEAD_MS);
  }

  way(name) {
    return document.querySelector(`a[data-way=${name}]`);
  }

  follow(name) {
    const link = this.way(name);
    if (link) link.click();
  }

  click(event) {
    const link = event.target.closest?.("a[data-way]");
    if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    if (link.dataset.way === "queue") return;
    event.preventDefault();
    this.go(link.href);
  }

  async preload(address) {
    try {
      const page = this.page(address);
      const views = (await page).querySelectorAll(".view");
      for (const view of views) await warm(view, document.querySelector(".canvas"));
    } catch {
      // It is asked for again when it is needed, and then told.
    }
  }

  page(address) {
    const kept = this.fetched.get(address);
    if (kept && performance.now() - kept.at < FRESH_MS) return kept.page;
    const page = fetchPage(address);
    this.fetched.set(address, { page, at: performance.now() });
    page.catch(() => this.fetched.delete(address));
    return page;
  }

  // What is no photograph, or cannot be had this way, is left to the browser.
  async go(address, push = true) {
    let page = null;
    try {
      page = await this.page(address);
    } catch {
      // The browser shows what is wrong.
    }
    if (!page?.querySelector(".photograph")) {
      location.assign(address);
      return;
    }
    this.fetched.clear();
    clearTimeout(this.ahead);
    this.close();
    document.title = page.title;
    for (const part of [".masthead nav", "main"]) {
      document.querySelector(part).replaceWith(document.adoptNode(page.querySelector(part)));
    }
    if (push) history.pushState(null, "", address);
    scrollTo(0, 0);
    document.querySelector("h1").focus();
    this.begin();
  }

  // Goes on after a decision, which can be undone for a while.
  decide(said) {
    if (said.undo) this.announce(said);
    if (new URL(said.next, location.href).href === location.href) this.fetched.clear();
    this.go(new URL(said.next, location.href).href);
  }

  announce({ said, undo }) {
    const form = document.getElementById("announcement").content.firstElementChild.cloneNode(true);
    form.action = undo;
    form.elements.place.value = document.querySelector(".decision [name=place]")?.value ?? "";
    form.querySelector(".said").textContent = said;
    this.decided.replaceChildren(form);
    this.fade();
  }

  // Not while it is pointed at or in focus: somebody is about to press it.
  fade() {
    clearTimeout(this.fading);
    const form = this.decided.firstElementChild;
    this.fading = setTimeout(() => {
      if (form.matches(":hover, :focus-within")) this.fade();
      else form.remove();
    }, UNDO_MS);
  }

  undo() {
    this.decided?.querySelector(".decided")?.requestSubmit();
  }

  async submit(event) {
    const form = event.target;
    if (!form.matches(".decided")) return;
    event.preventDefault();
    try {
      const said = await post(form.action, new FormData(form));
      this.decided.replaceChildren();
      this.fetched.clear();
      this.go(new URL(said.next, location.href).href);
    } catch (error) {
      form.querySelector(".said").textContent = error.message;
      form.querySelector(".undo").remove();
    }
  }
}

async function fetchPage(address) {
  const answer = await fetch(address, { headers: { Accept: "text/html" } });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return new DOMParser().parseFromString(await answer.text(), "text/html");
}
