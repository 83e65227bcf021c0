// The page that shows a new key, once. It says when the key is first used, and
// takes the key out of the page when the page is left, so that nothing that
// keeps pages (the back button's memory above all) keeps it.
const waiting = document.getElementById("waiting")
const list = waiting.dataset.list

addEventListener("pagehide", () => {
  for (const secret of document.querySelectorAll("[data-secret]")) secret.textContent = ""
})
addEventListener("pageshow", (event) => { if (event.persisted) location.replace(list) })

let tries = 0
async function look() {
  try {
    const answer = await fetch(waiting.dataset.status, { headers: { Accept: "application/json" } })
    if (answer.ok) {
      const key = await answer.json()
      if (key.connected) {
        waiting.classList.add("connected")
        waiting.querySelector("span").textContent = "Connected: the first request came " + (key.from ? "from " + key.from : "in") + "."
        return
      }
      if (key.status !== "active") {
        waiting.querySelector("span").textContent = "This key is " + key.status + "."
        return
      }
    }
  } catch { /* the network is away: look again */ }
  tries += 1
  if (tries < 400) setTimeout(look, tries < 60 ? 1500 : 5000)
}
look()
