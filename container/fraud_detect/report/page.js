"use strict";
(() => {
  const data = JSON.parse(document.getElementById("points").textContent);
  const panel = document.getElementById("panel");
  const slider = document.getElementById("slider");
  const price = document.getElementById("price");
  const start = data.chosen;

  const short = (value) => {
    if (!Number.isFinite(value)) return "–";
    if (Math.abs(value) >= 100) return Math.round(value).toLocaleString("en-US");
    return String(Number(value.toPrecision(3)));
  };
  const percent = (value) => (Number.isFinite(value) ? `${(100 * value).toFixed(1)} %` : "–");
  const put = (name, text) => {
    document.getElementById(`out-${name}`).textContent = text;
  };
  const move = (name, x, y) => {
    const mark = document.querySelector(`[data-mark="${name}"]`);
    if (!mark || !Number.isFinite(x) || !Number.isFinite(y)) return;
    const [left, right, bottom, top] = mark.dataset.ends.split(" ").map(Number);
    mark.setAttribute("transform", `translate(${left + x * (right - left)} ${bottom + y * (top - bottom)})`);
  };

  const show = () => {
    const place = Number(slider.value);
    const caught = data.caught[place];
    const alarms = data.alarms[place];
    const alerts = caught + alarms;
    const missed = data.frauds - caught;
    const precision = caught / alerts;
    const recall = caught / data.frauds;
    const each = Math.max(Number(price.value) || 0, 0);
    const lost = data.amount ? data.total - data.amount[place] : null;
    const cost = data.amount ? lost + each * alerts : alarms + each * missed;
    put("threshold", short(data.threshold[place]));
    put("precision", percent(precision));
    put("recall", percent(recall));
    put("alerts", short(alerts / data.units));
    put("missed", short(missed));
    put("alarms", short(alarms));
    put("cost", short(cost));
    if (data.amount) put("lost", short(lost));
    slider.setAttribute(
      "aria-valuetext",
      `threshold ${short(data.threshold[place])}: ${percent(recall)} of frauds caught, ${percent(precision)} of alerts right`,
    );
    move("pr", recall, precision);
    move("roc", alarms / (data.rows - data.frauds), recall);
  };

  slider.max = String(data.threshold.length - 1);
  slider.value = String(start);
  slider.addEventListener("input", show);
  price.addEventListener("input", show);
  document.getElementById("reset").addEventListener("click", () => {
    slider.value = String(start);
    show();
  });
  panel.hidden = false;
  show();
})();
