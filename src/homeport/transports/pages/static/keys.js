// The keyboard: single letters where nobody types.

const body = document.body;

function typing(target) {
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

function rows() {
  return [...document.querySelectorAll("main [data-row]")].filter((one) => one.offsetParent !== null);
}

function move(step) {
  const all = rows();
  if (!all.length) return;
  const at = all.findIndex((one) => one.contains(document.activeElement));
  const next = all[Math.min(Math.max(at + step, 0), all.length - 1)];
  (next.matches("article") ? next : next.querySelector("a[href]") ?? next).focus();
  next.scrollIntoView({ block: "nearest" });
}

function go(key) {
  const found = document.querySelector(`.main-nav a[aria-keyshortcuts="g ${CSS.escape(key)}"]`);
  if (found) location.assign(found.href);
}

export function bindKeys() {
  const dialog = document.getElementById("keys");
  const button = document.querySelector("[data-show-keys]");
  let going = -Infinity;
  if (button && dialog) {
    button.hidden = false;
    button.addEventListener("click", () => dialog.showModal());
  }
  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key === "Enter" && event.target.form) {
      event.target.form.requestSubmit();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (typing(event.target)) return;
    if (performance.now() - going < 1500) { going = -Infinity; event.preventDefault(); go(event.key); return; }
    const actions = {
      "/": () => document.getElementById("find")?.focus(),
      "?": () => dialog?.showModal(),
      c: () => location.assign(`${body.dataset.base}/inbox/new`),
      e: () => (document.activeElement.closest("article")?.querySelector("[data-key=e]") ?? document.querySelector("[data-key=e]"))?.requestSubmit(),
      g: () => { going = performance.now(); },
      j: () => move(1),
      k: () => move(-1),
      r: () => document.querySelector("#answer textarea")?.focus(),
    };
    const action = actions[event.key];
    if (action && body.dataset.position !== undefined) { event.preventDefault(); action(); }
  });
}
