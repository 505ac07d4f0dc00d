// Upload with progress, by button or by dropping a file; without this script the form does the same.
import { token } from "./console.js";

const form = document.getElementById("upload");
const chosen = document.getElementById("file");
const error = document.getElementById("file-error");
const sending = document.getElementById("sending");
const bar = document.getElementById("sent");
const said = document.getElementById("sent-text");
const button = document.getElementById("send");
const megabyte = 1024 * 1024;
let busy = false;

form.classList.add("scripted");

function refuse(text) {
  busy = false;
  button.disabled = false;
  sending.hidden = true;
  error.textContent = text;
  error.setAttribute("role", "alert");
  chosen.setAttribute("aria-invalid", "true");
}

function answered(request) {
  let told = {};
  try { told = JSON.parse(request.responseText); } catch { /* not ours: a proxy's page */ }
  if (request.status === 200 && told.address) location.assign(told.address);
  else if (new URL(request.responseURL).pathname === "/log-in") refuse("You are no longer logged in. Log in and send it again.");
  else refuse(told.message ?? `The file was not taken (status ${request.status}). Try again.`);
}

function send(file) {
  if (busy) return;
  const limit = Number(form.dataset.limit);
  if (file.size > limit * megabyte) {
    refuse(`The file has ${(file.size / megabyte).toFixed(0)} MB; expected at most ${limit}. Send it in parts.`);
    return;
  }
  busy = true;
  button.disabled = true;
  error.textContent = "";
  chosen.removeAttribute("aria-invalid");
  sending.hidden = false;
  const body = new FormData();
  body.append("csrf_token", token());
  body.append("file", file, file.name);
  const request = new XMLHttpRequest();
  request.upload.addEventListener("progress", (event) => {
    if (!event.lengthComputable) return;
    bar.value = event.loaded / event.total;
    said.textContent = event.loaded < event.total ? `${Math.round(100 * bar.value)} %` : "Checking the file";
  });
  request.addEventListener("load", () => answered(request));
  request.addEventListener("error", () => refuse("The connection was lost, or the file changed meanwhile. Try again."));
  request.open("POST", form.action);
  request.setRequestHeader("Accept", "application/json");
  request.send(body);
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (chosen.files.length) send(chosen.files[0]);
});
for (const kind of ["dragenter", "dragover"]) {
  form.addEventListener(kind, (event) => {
    event.preventDefault();
    form.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) form.addEventListener(kind, () => form.classList.remove("over"));
form.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length) send(event.dataTransfer.files[0]);
});
// Back and forward bring the page as it was left: let it be used again.
addEventListener("pageshow", () => {
  busy = false;
  button.disabled = false;
  sending.hidden = true;
});
