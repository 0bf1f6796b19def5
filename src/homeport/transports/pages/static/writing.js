// Help with forms: drafts that survive a closed tab, addresses to choose from, code to copy.

function keep(area) {
  const key = `homeport:${document.body.dataset.base}:${document.body.dataset.environment}:draft:${area.dataset.keep}`;
  if (!area.value) area.value = localStorage.getItem(key) ?? "";
  area.addEventListener("input", () => {
    if (area.value) localStorage.setItem(key, area.value); else localStorage.removeItem(key);
  });
  area.form.addEventListener("submit", () => localStorage.removeItem(key));
}

function choose(details) {
  const field = document.getElementById("to");
  const chosen = () => field.value.split(",").map((one) => one.trim()).filter(Boolean);
  const show = () => {
    for (const chip of details.querySelectorAll("[data-address]")) chip.setAttribute("aria-pressed", String(chosen().includes(chip.dataset.address)));
  };
  details.addEventListener("click", (event) => {
    const chip = event.target.closest("[data-address]");
    if (!chip) return;
    const now = chosen();
    const at = now.indexOf(chip.dataset.address);
    if (at < 0) now.push(chip.dataset.address); else now.splice(at, 1);
    field.value = now.join(", ");
    show();
  });
  field.addEventListener("input", show);
  show();
}

function once(form) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
}

async function copy(button) {
  const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
  const label = button.querySelector("[data-label]") ?? button;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText(text);
    label.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(document.getElementById(button.dataset.copy));
    label.textContent = "Selected; press Ctrl C";
  }
  setTimeout(() => { label.textContent = before; }, 2500);
}

// Who has a message open has read it.
async function markRead() {
  for (const form of document.querySelectorAll(".letter.is-unread form[action$='/read']")) {
    await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" });
  }
}

export function helpWriting(root) {
  root.querySelectorAll("[data-keep]").forEach(keep);
  root.querySelectorAll("[data-addresses]").forEach(choose);
  root.querySelectorAll("form[method=post]").forEach(once);
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) void copy(button);
  });
  for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ask]");
    if (button && !confirm(button.dataset.ask)) event.preventDefault();
  });
  if (!document.hidden) void markRead();
  document.addEventListener("homeport:changed", () => { if (!document.hidden) void markRead(); });
}
