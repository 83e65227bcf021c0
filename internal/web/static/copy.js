// Copy buttons, and the pages that show a secret.
import { copied, showToast } from "./app.js"

// <button data-copy="ID"> copies the text of the element with that id. The buttons are
// hidden until this script runs, because they do nothing without it.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy)
    if (await copied(source.textContent)) return showToast("Copied.")
    getSelection().selectAllChildren(source)
    showToast("Press Ctrl+C or ⌘C to copy.")
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

// The tab of the client that was chosen last.
for (const tab of document.querySelectorAll("[name=client]")) {
  if (tab.value === localStorage.client) tab.checked = true
  tab.addEventListener("change", () => { localStorage.client = tab.value })
}
