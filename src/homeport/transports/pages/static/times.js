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

export function tellTimes(root) {
  tell(root, 0);
  setInterval(() => { if (!document.hidden) tell(document, 0); }, 30000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tell(document, 0); });
  document.addEventListener("homeport:changed", () => tell(document, 0));
}
