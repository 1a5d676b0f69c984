// A decision is sent without leaving the page: whatever is refused, what was typed stays.

import { Draft } from "./draft.js";

const WORDS = { rejected: "reject", returned: "send back" };

export class Decision {
  // `hints` may be missing; `decided` is called with what the server said.
  constructor(form, hints, decided) {
    this.form = form;
    this.hints = hints;
    this.decided = decided;
    this.buttons = [...form.querySelectorAll("[name=decision]")];
    this.failure = null;
    this.draft = new Draft(form, hints);
    if (hints) hints.changed = () => this.draft.keep();
    // What is needed depends on the button that is pressed.
    form.noValidate = true;
    form.addEventListener("submit", (event) => this.submit(event));
    form.elements.reason?.addEventListener("keydown", (event) => this.typed(event));
  }

  button(decision) {
    return this.buttons.find((button) => button.value === decision);
  }

  // A reason is typed first; Enter in it sends the decision that asked for it.
  arm(decision) {
    const button = this.button(decision);
    if (!button) return;
    this.armed = button;
    const told = this.form.querySelector(".armed");
    told.textContent = `Enter to ${WORDS[decision]}, Escape to leave it.`;
    told.hidden = false;
    this.form.elements.reason.focus();
  }

  disarm() {
    this.armed = null;
    this.form.querySelector(".armed").hidden = true;
  }

  press(decision) {
    this.button(decision)?.click();
  }

  typed(event) {
    if (event.key === "Escape") {
      this.disarm();
      event.target.blur();
    } else if (event.key === "Enter" && !event.shiftKey && !event.isComposing && this.armed) {
      event.preventDefault();
      this.form.requestSubmit(this.armed);
    }
  }

  submit(event) {
    event.preventDefault();
    if (this.check(event.submitter)) this.send(event.submitter);
  }

  check(button) {
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
    return this.form.reportValidity();
  }

  async send(button) {
    if (this.sending) return;
    this.sending = true;
    this.fail(null);
    try {
      const said = await post(this.form.action, new FormData(this.form, button));
      this.draft.drop();
      this.decided(said);
    } catch (error) {
      this.fail(error.message, error.status === 409);
    } finally {
      this.sending = false;
    }
  }

  fail(words, changed = false) {
    this.failure?.remove();
    this.failure = null;
    if (words === null) return;
    this.failure = document.createElement("p");
    this.failure.className = "failure";
    this.failure.setAttribute("role", "alert");
    this.failure.textContent = `Not saved; what you typed is still here. ${words} `;
    if (changed) {
      const link = document.createElement("a");
      Object.assign(link, { href: location.href, textContent: "Show it as it is now" });
      this.failure.append(link);
    }
    this.form.prepend(this.failure);
  }
}

// Returns what the server says as JSON; throws an Error with its words where it refuses.
export async function post(address, data) {
  let answer;
  try {
    answer = await fetch(address, {
      method: "POST",
      body: new URLSearchParams(data),
      headers: { Accept: "application/json" },
    });
  } catch {
    throw new Error("The server cannot be reached. Try again.");
  }
  if (answer.status === 401) throw new Error("Your session has ended. Log in in another tab, then try again.");
  const json = answer.headers.get("content-type")?.startsWith("application/json");
  const said = json ? await answer.json() : {};
  if (!answer.ok || !json) {
    const words = typeof said.detail === "string" ? said.detail : "";
    const error = new Error(words || `The server answered ${answer.status} ${answer.statusText}.`);
    throw Object.assign(error, { status: answer.status });
  }
  return said;
}
