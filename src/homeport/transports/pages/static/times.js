// Times pass: "3 min ago" is said anew, and the exact one in the reader's own zone.

const UNITS = [[86400, "d"], [3600, "h"], [60, "min"]];

function span(seconds) {
  for (const [unit, name] of UNITS) {
    if (seconds >= unit) return `${Math.floor(seconds / unit)} ${name}`;
  }
  return `${Math.floor(seconds)} s`;
}

function said(at, now) {
  const seconds = (now - at) / 1000;
  if (seconds < -60) return `in ${span(-seconds)}`;
  if (seconds < 60) return "just now";
  if (seconds >= 14 * 86400) return at.toLocaleDateString();
  return `${span(seconds)} ago`;
}

function tell(root, offset) {
  const now = Date.now() - offset;
  for (const element of root.querySelectorAll("time[data-when]")) {
    const at = new Date(element.dateTime);
    const text = said(at, now);
    if (element.textContent !== text) element.textContent = text;
    element.title = at.toLocaleString();
  }
}

// The server's clock is what leases end by; the reader's may be wrong.
const offset = Number(document.body.dataset.now) ? Date.now() - Number(document.body.dataset.now) : 0;
const LEASE = 15 * 60;
const HURRY = 60;

function countDown(root) {
  const now = Date.now() - offset;
  let nearest = Infinity;
  for (const element of root.querySelectorAll("time[data-until]")) {
    const left = (new Date(element.dateTime) - now) / 1000;
    if (left > 0) nearest = Math.min(nearest, left);
    const text = left > 0 ? `${span(left)} left` : "ended";
    if (element.textContent !== text) element.textContent = text;
    element.parentElement.classList.toggle("is-short", left < LEASE / 5);
    element.parentElement.querySelector(".lease-left")?.setAttribute("width", Math.max(0, Math.min(100, (100 * left) / LEASE)).toFixed(1));
  }
  return nearest;
}

// In the last minute by the second, before that every ten; nothing of it is read out by itself.
function countDownForEver() {
  const nearest = document.hidden ? Infinity : countDown(document);
  setTimeout(countDownForEver, nearest < HURRY ? 1000 : Math.min(10000, (nearest - HURRY) * 1000 + 1000));
}

export function tellTimes(root) {
  tell(root, 0);
  countDownForEver();
  setInterval(() => { if (!document.hidden) tell(document, 0); }, 30000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) { tell(document, 0); countDown(document); } });
  document.addEventListener("homeport:changed", () => { tell(document, 0); countDown(document); });
}
