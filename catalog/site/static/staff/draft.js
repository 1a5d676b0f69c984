// What was typed about a photograph and not yet saved: it is there again after a reload, a login, a conflict, until the
// decision is saved or the tab closed.

const NAME = "heliochrome.draft.";

export class Draft {
  constructor(form, hints) {
    this.form = form;
    this.hints = hints;
    this.key = form.dataset?.draft && NAME + form.dataset.draft;
    if (!this.key) return;
    this.restore();
    form.addEventListener("input", () => this.keep());
  }

  keep() {
    if (!this.key) return;
    const reason = this.form.elements.reason.value;
    const hints = this.hints?.hints.map((hint) => hint.read()) ?? [];
    try {
      if (reason || hints.length) sessionStorage.setItem(this.key, JSON.stringify({ reason, hints }));
      else sessionStorage.removeItem(this.key);
    } catch {
      // A browser that keeps nothing: it is there as long as the page.
    }
  }

  restore() {
    let kept = null;
    try {
      kept = JSON.parse(sessionStorage.getItem(this.key));
    } catch {
      // As above, or not ours.
    }
    if (!kept) return;
    this.form.elements.reason.value ||= kept.reason ?? "";
    for (const hint of kept.hints ?? []) this.hints?.add(hint);
  }

  drop() {
    if (!this.key) return;
    try {
      sessionStorage.removeItem(this.key);
    } catch {
      // Then there is none.
    }
  }
}
