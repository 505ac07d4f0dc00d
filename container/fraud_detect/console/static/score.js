// Shows the answer without a reload, and says at once where a number is off what training saw.
// Without this file the form works as any other.

const number = (text) => (/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : NaN);

function look({ target }) {
  const { low, high, minimum, maximum } = target.dataset;
  if (low === undefined) return;
  const value = number(target.value), ends = minimum !== undefined;
  const off = value < Number(ends ? minimum : low) || value > Number(ends ? maximum : high);
  const place = document.getElementById(`${target.id}-notice`);
  place.textContent = !off ? "" : ends
    ? "Beyond all that training saw: the score may say little."
    : "Beyond what is usual: the score may be less sure.";
  place.hidden = !off;
}

async function ask(event) {
  event.preventDefault();
  const form = event.target, button = form.querySelector("button");
  if (button.disabled) return;
  button.disabled = true;
  form.setAttribute("aria-busy", "true");
  try {
    const body = new URLSearchParams(new FormData(form)); // as a form without a script: of parts there may be 1,000 at most
    const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
    if (answer.redirected) return void location.assign(answer.url);
    show(await answer.text());
  } catch {
    form.submit(); // the browser says what is wrong with the connection
  } finally {
    button.disabled = false;
    form.removeAttribute("aria-busy");
  }
}

function show(text) {
  const page = new DOMParser().parseFromString(text, "text/html"), work = page.getElementById("work");
  if (!work) return void document.getElementById("main").replaceChildren(...page.getElementById("main").childNodes);
  document.getElementById("work").replaceWith(document.adoptNode(work));
  listen();
  const wrong = work.querySelector("[aria-invalid]");
  (wrong ?? document.getElementById("answer")).focus();
}

function listen() {
  const form = document.getElementById("case");
  form.addEventListener("submit", ask);
  form.addEventListener("input", look);
}

listen();
