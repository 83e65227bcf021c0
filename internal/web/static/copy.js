// What there is to copy, and what must not stay. Copy buttons: <button data-copy="ID">
// copies the text of the element with that id. They are hidden until this runs, for
// without it they would do nothing.
const said = document.createElement("p")
said.className = "hidden"
said.role = "status"
document.querySelector("main").append(said)
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false
  const label = button.textContent
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy)
    try {
      await navigator.clipboard.writeText(source.textContent)
      button.textContent = "Copied"
    } catch {
      // No clipboard over plain HTTP: selected, it is one keystroke.
      getSelection().selectAllChildren(source)
      button.textContent = "Press Ctrl+C"
    }
    said.textContent = button.textContent
    setTimeout(() => { button.textContent = label; said.textContent = "" }, 2000)
  })
}

// A secret is taken out of the page when the page is left, so that nothing that
// keeps pages (the back button's memory above all) keeps it. Who comes back goes on
// to where <… data-secret="ADDRESS"> says.
const secrets = document.querySelectorAll("[data-secret]")
addEventListener("pagehide", () => { for (const secret of secrets) secret.textContent = "" })
addEventListener("pageshow", (event) => {
  if (event.persisted && secrets.length > 0) location.replace(secrets[0].dataset.secret)
})

// The page of a new key says when the key is first used.
const waiting = document.getElementById("waiting")
let tries = 0
async function look() {
  const say = (text) => { waiting.querySelector("span").textContent = text }
  try {
    const answer = await fetch(waiting.dataset.status, { headers: { Accept: "application/json" } })
    if (answer.ok) {
      const key = await answer.json()
      if (key.connected) {
        waiting.classList.add("connected")
        return say("Connected: the first request came " + (key.from ? "from " + key.from : "in") + ".")
      }
      if (key.status !== "active") return say("This key is " + key.status + ".")
    }
  } catch { /* the network is away: look again */ }
  tries += 1
  if (tries < 400) setTimeout(look, tries < 60 ? 1500 : 5000)
}
if (waiting) look()
