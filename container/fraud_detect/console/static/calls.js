// Keeps a page of calls up to date: its part that changes, the code, the seconds until the next one.

const LOOK_FOR = 20 * 60 * 1000;  // milliseconds; a page that nobody leaves must not stay logged in

const live = document.querySelector("[data-live]");
const said = document.querySelector("[data-said]");
const lost = document.querySelector("[data-lost]");
const asleep = document.querySelector("[data-asleep]");
const every = Number(live.dataset.every ?? 1000);
const began = performance.now();
let over = false;
let next = null;  // when the code that is shown runs out, on the clock of `performance`

function show(answer) {
  if (answer.version !== live.dataset.version) change(answer);
  over = answer.over ?? false;
  if (!answer.code) { next = null; return; }
  next = performance.now() + answer.seconds_left * 1000;
  const digits = live.querySelector("[data-code]"), code = `${answer.code.slice(0, 3)} ${answer.code.slice(3)}`;
  if (digits && digits.textContent !== code) digits.textContent = code;
  tick();
}

function change(answer) {
  const held = live.contains(document.activeElement) || document.activeElement === document.body;
  live.innerHTML = answer.html;  // from our own server, which escapes
  live.dataset.version = answer.version;
  said.textContent = live.querySelector("[data-say]")?.textContent ?? "";
  if (held) live.querySelector("[data-focus]")?.focus();
}

function tick() {
  const seconds = live.querySelector("[data-seconds]");
  if (next === null || !seconds) return;
  const left = Math.max(0, Math.ceil((next - performance.now()) / 1000));
  seconds.textContent = left;
  live.querySelector("[data-ring]").setAttribute("stroke-dasharray", `${left} 30`);
}

async function look() {
  let answer;
  try {
    answer = await fetch(live.dataset.live, { credentials: "same-origin", cache: "no-store", redirect: "manual" });
  } catch { lost.hidden = false; return; }
  if (answer.status === 429 || answer.status >= 500) { lost.hidden = false; return; }
  if (!answer.ok) { location.reload(); return; }  // logged out, or no longer this browser's call: the page says which
  lost.hidden = true;
  show(await answer.json());
}

async function keep() {
  if (asleep && performance.now() - began > LOOK_FOR) { asleep.hidden = false; return; }
  if (!document.hidden) await look();
  if (!over) setTimeout(keep, every);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && !over) look(); });
setInterval(tick, 250);
keep();
