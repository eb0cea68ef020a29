// What HTML and htmx do not do by themselves: times that stay true, copying a link, saying that the site is away,
// telling screen readers of a new stage, not of each new number, and asking less often where little changes.

"use strict";

function ago(when) {
  const passed = Math.max(0, Math.floor((Date.now() - when) / 1000));
  if (passed < 60) return `${passed} s ago`;
  if (passed < 3600) return `${Math.floor(passed / 60)} min ago`;
  if (passed < 86400) return `${Math.floor(passed / 3600)} h ago`;
  const days = Math.floor(passed / 86400);
  return `${days} ${days === 1 ? "day" : "days"} ago`;
}

function keepTimesTrue() {
  for (const time of document.querySelectorAll("time.ago")) {
    const words = ago(Date.parse(time.dateTime));
    if (time.textContent !== words) time.textContent = words;
  }
}

function announce() {
  const stage = document.querySelector(".stages [aria-current]");
  const announced = document.getElementById("announced");
  if (stage && announced && announced.textContent !== stage.textContent) announced.textContent = stage.textContent;
}

function offline(isOffline) {
  const note = document.getElementById("offline");
  if (note) note.hidden = !isOffline;
}

// htmx is ready to ask each second; far back in the queue the page says that now and then is enough.
let seconds = 0;
document.addEventListener("htmx:beforeRequest", (event) => {
  const stages = event.target.querySelector(".stages");
  if (!stages) return;
  seconds += 1;
  if (seconds < Number(stages.dataset.askAfter)) event.preventDefault();
  else seconds = 0;
});
document.addEventListener("htmx:sendError", () => offline(true));
document.addEventListener("htmx:timeout", () => offline(true));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.xhr && event.detail.xhr.status) offline(event.detail.xhr.status >= 500);
});
document.addEventListener("htmx:afterSwap", announce);

document.addEventListener("click", async (event) => {
  const button = event.target.closest(".copy-link");
  if (!button) return;
  const words = button.textContent;
  try {
    await navigator.clipboard.writeText(location.origin + (button.dataset.link || location.pathname));
    button.textContent = "Link copied";
  } catch {
    button.textContent = "Copy it from the address bar";
  }
  setTimeout(() => { button.textContent = words; }, 3000);
});

function closeMenus(except) {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
}

document.addEventListener("click", (event) => closeMenus(event.target.closest("details.menu")));
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = document.activeElement.closest("details.menu[open]");
  closeMenus();
  if (menu) menu.querySelector("summary").focus();
});

for (const button of document.querySelectorAll(".copy-link")) button.hidden = !navigator.clipboard;
announce();
setInterval(keepTimesTrue, 1000);
