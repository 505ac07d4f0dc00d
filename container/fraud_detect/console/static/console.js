// What several pages need: requests to the console's own API that carry the form token.

export const token = () => document.querySelector('meta[name="csrf-token"]').content;

export async function send(address, { method = "POST", json, body } = {}) {
  const headers = { "X-CSRFToken": token(), Accept: "application/json" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(address, {
    method, headers, body: json === undefined ? body : JSON.stringify(json), credentials: "same-origin",
  });
  const text = await answer.text();
  let said = {};
  try { said = JSON.parse(text); } catch { said = { message: text }; }
  if (!answer.ok) throw Object.assign(new Error(said.message ?? answer.statusText), { status: answer.status, said });
  return said;
}
