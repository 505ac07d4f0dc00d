// Keeps the desk's page as it would be if it were loaded now: server-sent events, or requests every few seconds
// where the server has no place left for a listener. Rows are put where their expected loss belongs, and the table
// never has more of them than a page.

import { Filter } from "./desk-filter.js";

const POLL_MS = 3000, LISTEN_AGAIN_MS = 30000, SUMMARY_MS = 10000, RATE_MS = 10000, STRIP_ROWS = 12, MOST_HELD = 2000;
const BADGES = { open: "fraud", confirmed: "fraud", cleared: "good", escalated: "warn", passed: "legitimate" };

const part = (name) => document.querySelector(`[data-live="${name}"]`);
const table = part("cases"), body = table.tBodies[0], strip = part("strip"), pause = part("pause");
const words = Object.fromEntries(
  [...document.getElementById("states").content.children].map((one) => [one.dataset.state, one.textContent]),
);
const rowTemplate = document.getElementById("row");
const filter = new Filter(table.dataset);
const counts = new Map([...document.querySelectorAll("[data-count]")].map((one) => [one.dataset.count, one]));
let place = table.dataset.place, paused = false, held = [], news = 0, newAlerts = 0, arrivals = [];

const money = (value) =>
  value === null ? "none" : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const time = (text) => new Date(text).toISOString().slice(0, 19).replace("T", " ");

function countUp(state, by) {
  const found = counts.get(state);
  if (found) found.textContent = Number(found.textContent) + by;
}

function dress(row, one) {
  const cell = (name) => row.querySelector(`[data-field="${name}"]`);
  row.dataset.case = one.id;
  row.dataset.loss = one.expected_loss;
  cell("link").textContent = one.id;
  cell("link").href = `/cases/${one.id}`;
  cell("expected_loss").textContent = money(one.expected_loss);
  cell("amount").textContent = money(one.amount);
  cell("probability").textContent = one.probability.toFixed(3);
  cell("customer").textContent = one.customer ?? "";
  cell("received_at").textContent = time(one.received_at);
  cell("state").textContent = words[one.state];
  cell("state").className = `badge ${BADGES[one.state]}`;
}

const before = (one, row) => {
  const loss = Number(row.dataset.loss);
  return one.expected_loss > loss || (one.expected_loss === loss && one.id > Number(row.dataset.case));
};

function show(one) {
  const there = body.querySelector(`[data-case="${one.id}"]`);
  const fits = filter.takes(one);
  if (there) {
    if (fits) { dress(there, one); mark(there); } else if (!there.contains(document.activeElement)) there.remove();
    else { dress(there, one); mark(there); } // somebody is at it with the keyboard: it goes with the next page
    return;
  }
  if (!fits) return;
  if (!filter.isSure || Number(table.dataset.page) > 1) { news += 1; return; }
  const next = [...body.rows].find((row) => before(one, row)) ?? null;
  const most = Number(table.dataset.rows);
  if (next === null && body.rows.length >= most) return;
  const row = rowTemplate.content.firstElementChild.cloneNode(true);
  dress(row, one);
  body.insertBefore(row, next);
  mark(row);
  if (body.rows.length > most) body.rows[most].remove();
}

function mark(row) {
  row.classList.remove("changed");
  void row.offsetWidth; // so that the animation begins anew
  row.classList.add("changed");
}

function lay(one) {
  const line = document.createElement("li");
  const link = Object.assign(document.createElement("a"), { href: `/cases/${one.id}`, textContent: one.id });
  const cells = [money(one.amount), one.probability.toFixed(3), one.customer ?? ""].map((text) =>
    Object.assign(document.createElement("span"), { textContent: text }));
  cells[2].className = "customer";
  line.append(link, ...cells);
  if (one.alert) {
    line.classList.add("alert");
    line.append(Object.assign(document.createElement("span"), { className: "badge fraud", textContent: "alert" }));
  }
  return line;
}

function apply({ cases, decisions }) {
  for (const one of cases) {
    countUp(one.state, 1);
    if (one.alert) newAlerts += 1;
    if (one.alert || filter.wantsPassed) show(one);
  }
  for (const { was, case: one } of decisions) {
    countUp(was, -1);
    countUp(one.state, 1);
    show(one);
  }
  strip.prepend(...cases.slice(-STRIP_ROWS).reverse().map(lay));
  while (strip.children.length > STRIP_ROWS) strip.lastElementChild.remove();
  part("none").hidden = body.rows.length > 0;
  part("news").hidden = news === 0;
  part("news-text").textContent = `${news} more may belong here.`;
}

function heard(message) {
  place = message.place;
  if (message.cases.length) arrivals.push([Date.now(), message.cases.length]);
  if (!paused) { apply(message); return; }
  held.push(message);
  if (held.length > MOST_HELD) held = [];
  if (held.length === 0) pause.dataset.reload = "yes";
}

function say(text) { part("connection").textContent = text; }

pause.hidden = false;
pause.addEventListener("click", () => {
  if (paused && pause.dataset.reload) { location.reload(); return; }
  paused = !paused;
  pause.setAttribute("aria-pressed", String(paused));
  pause.textContent = paused ? "Go on" : "Pause";
  if (!paused) { held.forEach(apply); held = []; }
});

let polling = null;
async function poll() {
  try {
    const answer = await fetch(`${table.dataset.changes}?after=${place}`, { credentials: "same-origin", redirect: "manual" });
    if (answer.type === "opaqueredirect") { say("You are logged out; load the page to log in"); return; }
    if (!answer.ok) throw new Error(answer.statusText);
    heard(await answer.json());
    say("Updated every few seconds");
  } catch {
    say("Not connected; trying again");
  }
}

function listen() {
  const source = new EventSource(`${table.dataset.events}?after=${place}`);
  source.onopen = () => {
    say("Live");
    clearInterval(polling);
    polling = null;
  };
  source.onmessage = (event) => heard(JSON.parse(event.data));
  source.addEventListener("reload", () => location.reload());
  source.onerror = () => {
    if (source.readyState !== EventSource.CLOSED) { say("Connecting again"); return; } // it comes back by itself
    source.close();
    polling ??= setInterval(poll, POLL_MS);
    poll();
    setTimeout(listen, LISTEN_AGAIN_MS);
  };
}

setInterval(() => {
  const since = Date.now() - RATE_MS;
  arrivals = arrivals.filter(([at]) => at >= since);
  const rate = arrivals.reduce((sum, [, count]) => sum + count, 0) / (RATE_MS / 1000);
  part("rate").textContent = rate.toFixed(1);
}, 1000);

setInterval(() => {
  if (newAlerts === 0) return;
  const open = counts.get("open")?.textContent ?? "";
  part("summary").textContent = `${newAlerts} new ${newAlerts === 1 ? "alert" : "alerts"}; ${open} open.`;
  newAlerts = 0;
}, SUMMARY_MS);

listen();
