// A board that drags, by pointer and by keyboard. A card is moved at once, the server is asked, and where it says no
// the card goes back and the reason is shown. Every card's own buttons do the same without this.

import { announce } from "./quietly.js";

const FAR_ENOUGH = 6;
const LONG_ENOUGH = 350;

let lifted = null;
let held = null;
let going = -Infinity;

function board() {
  return document.querySelector("[data-board]");
}

function lanes() {
  return [...document.querySelectorAll("[data-board] [data-lane]")];
}

function say(text) {
  announce(document.querySelector("[data-board-state]"), text);
}

function name(lane) {
  return lane.querySelector("h2").childNodes[1].textContent.trim();
}

function title(card) {
  return card.querySelector(".card-title").textContent.trim();
}

function allowed(card) {
  return new Set([...card.querySelectorAll("[data-move] button")].map((one) => one.value));
}

function count(lane, step) {
  const number = lane.querySelector(".number");
  number.textContent = String(Number(number.textContent) + step);
}

function put(card, lane, before = lane.querySelector(".cards").firstChild) {
  count(card.closest("[data-lane]"), -1);
  lane.querySelector(".cards").insertBefore(card, before);
  count(lane, 1);
}

async function refusal(form, status) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("status", status);
  try {
    const response = await fetch(form.action, { method: "POST", body: fields, redirect: "manual" });
    if (response.type === "opaqueredirect") return "";
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return page.querySelector("[data-refusal]")?.textContent.trim() || `The server answered ${response.status}.`;
  } catch {
    return "The server cannot be reached just now.";
  }
}

// Moves a card; back to where it was if that is refused.
async function move(card, lane) {
  const from = card.closest("[data-lane]");
  if (lane === from) return;
  const next = card.nextSibling;
  card.dataset.busy = "yes";
  card.classList.add("is-sent");
  put(card, lane);
  const why = await refusal(card.querySelector("[data-move]"), lane.dataset.lane);
  card.classList.remove("is-sent");
  if (why) {
    put(card, from, next?.parentNode === from.querySelector(".cards") ? next : null);
    say(`${title(card)} stays ${name(from).toLowerCase()}. ${why}`);
  } else {
    card.dataset.at = lane.dataset.lane;
    say(`${title(card)} is ${name(lane).toLowerCase()} now.`);
  }
  delete card.dataset.busy;
}

function mark(card, over) {
  const open = card ? allowed(card) : null;
  const home = card?.dataset.at;
  for (const lane of lanes()) {
    lane.classList.toggle("is-over", lane === over);
    lane.classList.toggle("is-closed", Boolean(open) && !open.has(lane.dataset.lane) && lane.dataset.lane !== home);
  }
}

// --- by pointer ---

function laneAt(x, y) {
  return document.elementFromPoint(x, y)?.closest("[data-board] [data-lane]") ?? null;
}

function lift(drag) {
  drag.on = true;
  lifted = drag;
  drag.card.dataset.busy = "yes";
  drag.card.classList.add("is-lifted");
  document.body.classList.add("is-dragging");
  mark(drag.card, null);
}

function follow(drag, event) {
  drag.card.style.translate = `${event.clientX - drag.x}px ${event.clientY - drag.y}px`;
  drag.lane = laneAt(event.clientX, event.clientY);
  mark(drag.card, drag.lane);
  const box = board();
  const edges = box.getBoundingClientRect();
  if (event.clientX > edges.right - 40) box.scrollLeft += 12;
  if (event.clientX < edges.left + 40) box.scrollLeft -= 12;
}

function drop(drag, lane) {
  clearTimeout(drag.timer);
  drag.stop.abort();
  if (!drag.on) return;
  lifted = null;
  drag.card.style.translate = "";
  drag.card.classList.remove("is-lifted");
  document.body.classList.remove("is-dragging");
  mark(null, null);
  delete drag.card.dataset.busy;
  // The click that follows would open the task.
  addEventListener("click", (event) => { event.preventDefault(); event.stopPropagation(); }, { capture: true, once: true, signal: AbortSignal.timeout(50) });
  if (lane) void move(drag.card, lane);
}

function press(event) {
  const card = event.target.closest("[data-board] [data-card]");
  if (!card || event.button !== 0 || lifted || card.dataset.busy || event.target.closest("summary, button, input, select")) return;
  const drag = { card, x: event.clientX, y: event.clientY, on: false, lane: null, stop: new AbortController() };
  const options = { signal: drag.stop.signal };
  if (event.pointerType === "touch") drag.timer = setTimeout(() => lift(drag), LONG_ENOUGH);
  addEventListener("pointermove", (moved) => {
    const far = Math.hypot(moved.clientX - drag.x, moved.clientY - drag.y) > FAR_ENOUGH;
    if (!drag.on && far) {
      // A finger that moves at once scrolls.
      if (event.pointerType === "touch") { drop(drag, null); return; }
      lift(drag);
    }
    if (drag.on) follow(drag, moved);
  }, options);
  addEventListener("touchmove", (moved) => { if (drag.on) moved.preventDefault(); }, { ...options, passive: false });
  addEventListener("pointerup", () => drop(drag, drag.lane), options);
  addEventListener("pointercancel", () => drop(drag, null), options);
  addEventListener("keydown", (pressed) => { if (pressed.key === "Escape") drop(drag, null); }, options);
}

// --- by keyboard ---

function take(card) {
  const home = card.closest("[data-lane]");
  held = { card, home, lane: home };
  card.dataset.busy = "yes";
  card.classList.add("is-held");
  mark(card, home);
  say(`${title(card)} is held, ${name(home).toLowerCase()}. Arrow keys choose a column, Enter puts it there, Escape leaves it.`);
}

function release(lane) {
  const { card } = held;
  held = null;
  card.classList.remove("is-held");
  delete card.dataset.busy;
  mark(null, null);
  if (!lane) { say(`${title(card)} stays where it was.`); return; }
  void move(card, lane);
  card.querySelector("a[href]").focus();
}

function choose(step) {
  const open = allowed(held.card);
  const ways = lanes().filter((one) => one === held.home || open.has(one.dataset.lane));
  const at = ways.indexOf(held.lane);
  held.lane = ways[Math.min(Math.max(at + step, 0), ways.length - 1)];
  mark(held.card, held.lane);
  held.lane.scrollIntoView({ block: "nearest", inline: "nearest" });
  say(`Column ${name(held.lane)}.`);
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (held) {
    const actions = { ArrowLeft: () => choose(-1), ArrowRight: () => choose(1), Enter: () => release(held.lane === held.home ? null : held.lane), Escape: () => release(null) };
    const action = actions[event.key];
    if (action) { event.preventDefault(); event.stopPropagation(); action(); } else if (event.key === "Tab") release(null);
    return;
  }
  // "g m" leads to the messages.
  if (event.key === "g") { going = performance.now(); return; }
  const card = document.activeElement?.closest("[data-board] [data-card]");
  if (performance.now() - going < 1500) { going = -Infinity; return; }
  if (event.key === "m" && card && !card.dataset.busy) { event.preventDefault(); event.stopPropagation(); take(card); }
}

document.addEventListener("pointerdown", press);
document.addEventListener("dragstart", (event) => { if (event.target.closest("[data-card]")) event.preventDefault(); });
document.addEventListener("keydown", key, true);
document.addEventListener("submit", (event) => {
  const card = event.target.closest("[data-board] [data-card]");
  if (!card || !event.submitter?.value) return;
  const lane = lanes().find((one) => one.dataset.lane === event.submitter.value);
  if (!lane) return;
  event.preventDefault();
  event.target.closest("details").open = false;
  void move(card, lane);
});
