// A line that says something for a while, to eyes and screen readers, and then is silent again.

const LASTS = 8000;
let timer = null;

export function announce(line, text) {
  if (!line) return;
  line.textContent = text;
  clearTimeout(timer);
  if (!text.includes("tries again")) timer = setTimeout(() => { line.textContent = ""; }, LASTS);
}
