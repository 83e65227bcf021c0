// Copy buttons, and the pages that show a secret.
//
// <button data-copy="ID"> copies the text of the element with that id. The buttons are
// hidden until this script runs, because they do nothing without it. A hidden status
// element announces the result to screen readers.
const announcement = document.createElement("p")
announcement.className = "hidden"
announcement.role = "status"
document.querySelector("main").append(announcement)
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false
  const { textContent: label, ariaLabel } = button
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy)
    try {
      await navigator.clipboard.writeText(source.textContent)
      button.textContent = "Copied"
    } catch {
      // The clipboard is not available over plain HTTP. Select the text instead.
      getSelection().selectAllChildren(source)
      button.textContent = "Press Ctrl+C"
    }
    announcement.textContent = button.textContent
    button.ariaLabel = null // the name of a button has its text
    setTimeout(() => { Object.assign(button, { textContent: label, ariaLabel }); announcement.textContent = "" }, 2000)
  })
}

// Remove a secret from the page when the user leaves it, so that the browser's
// back/forward cache does not store it. If the user comes back, the page redirects to
// the URL in data-secret.
const secrets = document.querySelectorAll("[data-secret]")
addEventListener("pagehide", () => { for (const secret of secrets) secret.textContent = "" })
addEventListener("pageshow", (event) => {
  if (event.persisted && secrets.length > 0) location.replace(secrets[0].dataset.secret)
})

// The page of a new key polls until the key is first used.
const waiting = document.getElementById("waiting")
let tries = 0
async function poll() {
  try {
    const response = await fetch(waiting.dataset.status)
    if (response.ok && !response.redirected) { // it redirects to the sign-in
      const text = await response.text()
      const part = new DOMParser().parseFromString(text, "text/html").body
      if (!part.querySelector(".waiting:not(.connected)")) return waiting.replaceChildren(...part.childNodes)
    }
  } catch { /* the network is unavailable: try again */ }
  tries += 1
  if (tries < 400) setTimeout(poll, tries < 60 ? 1500 : 5000)
}
if (waiting) poll()

// The tab of the client that was chosen last.
for (const tab of document.querySelectorAll("[name=client]")) {
  if (tab.value === localStorage.client) tab.checked = true
  tab.addEventListener("change", () => { localStorage.client = tab.value })
}
