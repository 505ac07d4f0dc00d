// Asks how far the file is, and shows its rows when it is done.
const panel = document.getElementById("progress");
const bar = document.getElementById("done");
const said = document.getElementById("said");
const everyMilliseconds = 1000;

const time = (seconds) => (seconds < 90 ? `${Math.max(seconds, 1)} s` : `${Math.round(seconds / 60)} minutes`);

function show({ step, done, left, rows }) {
  bar.value = done;
  const parts = [step.charAt(0).toUpperCase() + step.slice(1)];
  if (rows) parts.push(`${rows.toLocaleString("en")} rows scored`);
  if (left !== null) parts.push(`about ${time(left)} left`);
  const text = parts.join(", ");
  if (said.textContent !== text) said.textContent = text;
}

async function ask() {
  try {
    const answer = await fetch(panel.dataset.address, { headers: { Accept: "application/json" }, credentials: "same-origin" });
    if (answer.redirected || answer.status === 404) return location.reload();
    if (answer.ok) {
      const told = await answer.json();
      if (told.state === "done" || told.state === "failed") return location.reload();
      show(told);
    }
  } catch {
    said.textContent = "The console does not answer; asking again";
  }
  setTimeout(ask, everyMilliseconds);
}

ask();
