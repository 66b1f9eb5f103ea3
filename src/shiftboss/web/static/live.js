// Keeps the page fresh, and shows times in the viewer's own zone. Everything else works without it.
"use strict";

const EVERY = 3000;
const KEY = "shiftboss-live";
const button = document.getElementById("live");

// Nothing is replaced under somebody's hands: not while a box is ticked, a question open, a field in use, or text selected.
function inUse() {
  const fresh = document.getElementById("fresh");
  const at = document.activeElement;
  return Boolean(
    getSelection().type === "Range" ||
      document.querySelector("main input:checked, main details[open]") ||
      (fresh && at && fresh.contains(at) && at.matches("input, select, button, summary")),
  );
}

function isOn() {
  return button.getAttribute("aria-pressed") === "true";
}

function localize() {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    const said = moment.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
    if (time.hasAttribute("data-local")) time.textContent = said;
    if (!time.title.includes("·")) time.title += " · " + said;
  }
}

function watchBoxes() {
  for (const all of document.querySelectorAll("th.check")) {
    if (all.querySelector("input")) continue;
    const box = document.createElement("input");
    box.type = "checkbox";
    box.setAttribute("aria-label", "Choose all on this page");
    box.addEventListener("change", () => {
      for (const one of all.closest("table").querySelectorAll("td.check input")) one.checked = box.checked;
    });
    all.replaceChildren(box);
  }
}

button.hidden = false;
button.setAttribute("aria-pressed", String(localStorage.getItem(KEY) !== "off"));
button.addEventListener("click", () => {
  button.setAttribute("aria-pressed", String(!isOn()));
  localStorage.setItem(KEY, isOn() ? "on" : "off");
});
document.body.addEventListener("htmx:afterSwap", localize);
function tell(lost) {
  document.documentElement.classList.toggle("lost", lost);
  button.title = lost ? "The dashboard does not answer" : "";
}

for (const name of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
  document.body.addEventListener(name, () => tell(true));
}
document.body.addEventListener("htmx:afterSwap", () => tell(false));
// Another page than ours, such as the login of the host after a while: the whole window goes there.
document.body.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status !== 200 || event.detail.serverResponse.includes('<nav id="nav"')) return;
  event.detail.shouldSwap = false;
  location.reload();
});
localize();
watchBoxes();
function tick() {
  if (isOn() && !document.hidden && !inUse()) htmx.trigger(document.body, "tick");
}

setInterval(tick, EVERY);
document.addEventListener("visibilitychange", tick);
