// Follows what happens. The page says at which position it was made; from there on nothing is missed: what changes a
// part of it (data-live names the kinds) has that part fetched anew. One tab of a browser holds the stream for all.

import { announce } from "./quietly.js";

const SETTLE = 150;
const MOST_OFTEN = 1000;
const FIRST_RETRY = 500;
const LONGEST_RETRY = 15000;

const body = document.body;
const base = body.dataset.base;
const channel = new BroadcastChannel(`homeport:${base}:${body.dataset.environment}`);

let position = Number(body.dataset.position);
let source = null;
let retry = FIRST_RETRY;
let lost = false;
let timer = null;
let fetchedAt = 0;
let stale = false;
let fetching = false;
let leaving = false;

function parts() {
  return [...document.querySelectorAll("[data-live]")];
}

function concerns(kind) {
  return parts().some((part) => part.dataset.live.split(" ").includes(kind.split(".")[0]));
}

function heard(event) {
  if (event.seq <= position) return;
  position = event.seq;
  if (concerns(event.kind)) refreshSoon();
}

function refreshSoon() {
  stale = true;
  if (document.hidden || timer !== null) return;
  const wait = Math.max(SETTLE, MOST_OFTEN - (performance.now() - fetchedAt));
  timer = setTimeout(() => { timer = null; void refresh(); }, wait);
}

async function refresh() {
  if (document.hidden || fetching || leaving) return;
  fetching = true;
  stale = false;
  fetchedAt = performance.now();
  try {
    const response = await fetch(location.href, { headers: { accept: "text/html" } });
    // Signed out meanwhile: the page that asks for a token is where one is led anyway.
    if (response.redirected) { location.assign(response.url); return; }
    if (!response.ok) throw new Error(String(response.status));
    place(new DOMParser().parseFromString(await response.text(), "text/html"));
  } catch {
    stale = true;
  } finally {
    fetching = false;
    if (stale) refreshSoon();
  }
}

function place(fresh) {
  for (const part of parts()) {
    const next = part.id && fresh.getElementById(part.id);
    if (!next || next.innerHTML === part.dataset.shown) continue;
    // Somebody types or holds something there: the part waits until they have finished.
    if (part.contains(document.activeElement) && /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) { stale = true; continue; }
    if (part.querySelector("[data-busy]")) { stale = true; continue; }
    const known = new Set([...part.querySelectorAll("[data-row] a[href]")].map((one) => one.getAttribute("href")));
    const focused = part.contains(document.activeElement) ? document.activeElement : null;
    const where = focused?.getAttribute("href");
    const open = [...part.querySelectorAll("details[open][id]")].map((one) => one.id);
    const shown = next.innerHTML;
    part.replaceChildren(...next.childNodes);
    part.dataset.shown = shown;
    for (const id of open) part.querySelector(`#${CSS.escape(id)}`)?.setAttribute("open", "");
    for (const row of part.querySelectorAll("[data-row]")) {
      const link = row.querySelector("a[href]")?.getAttribute("href");
      if (known.size && link && !known.has(link)) row.classList.add("is-new");
    }
    if (where) [...part.querySelectorAll("a[href]")].find((one) => one.getAttribute("href") === where)?.focus();
  }
  document.title = fresh.title;
  document.dispatchEvent(new CustomEvent("homeport:changed"));
}

function state(text) {
  announce(document.querySelector("[data-live-state]"), text);
}

// --- the stream, held by one tab ---

function connect() {
  source = new EventSource(`${base}/api/v1/events?after=${position}`);
  source.onopen = () => {
    body.dataset.live = "yes";
    retry = FIRST_RETRY;
    if (lost) tellAll({ state: "Connected again; nothing was missed." });
    lost = false;
  };
  source.onerror = () => {
    if (leaving) return;
    // A browser gives up on its own where something answers that is no stream, as a proxy does while a server restarts.
    source.close();
    body.dataset.live = "no";
    if (!lost) tellAll({ state: "The connection is gone. This page tries again by itself." });
    lost = true;
    setTimeout(connect, retry * (0.75 + Math.random() / 2));
    retry = Math.min(retry * 1.7, LONGEST_RETRY);
    void stillSignedIn();
  };
  for (const kind of KINDS) source.addEventListener(kind, (message) => tellAll({ event: JSON.parse(message.data) }));
}

async function stillSignedIn() {
  try {
    const response = await fetch(`${base}/me`, { method: "HEAD", redirect: "manual" });
    if (response.type === "opaqueredirect" && !leaving) location.reload();
  } catch {
    // The server is away; that is what the retries are for.
  }
}

function tellAll(news) {
  channel.postMessage(news);
  listen(news);
}

function listen(news) {
  if (news.event) heard(news.event);
  if (news.state !== undefined) state(news.state);
  if (news.position > position) { position = news.position; refreshSoon(); }
}

const KINDS = [
  "grant.created", "grant.ended", "instance.deactivated", "instance.registered", "instance.returned", "instance.status",
  "lesson.submitted", "message.archived", "message.deleted", "message.delivered", "message.read", "message.sent",
  "project.created", "project.deleted", "project.updated", "task.claimed", "task.created", "task.lease_ended",
  "task.released", "task.updated", "token.created", "token.revoked", "webhook.created", "webhook.deleted",
  "webhook.updated",
];

export function followFeed() {
  channel.onmessage = ({ data }) => {
    // A tab that has just come is told how far the others are; what it lacks it fetches.
    if (data.hello && source) channel.postMessage({ position });
    listen(data);
  };
  // What a page asks while another is on its way would take that one's place.
  addEventListener("beforeunload", () => { leaving = true; });
  addEventListener("pageshow", () => { leaving = false; });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && stale) void refresh(); });
  channel.postMessage({ hello: true });
  if (navigator.locks) {
    void navigator.locks.request(channel.name, () => new Promise(connect));
  } else {
    connect();
  }
}
