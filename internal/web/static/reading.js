// The page of a transcription. Going through the found lines needs no request, and a search begins at
// the lines that the window shows. Buttons that copy are hidden until this script runs.
import { copied, showToast } from "./app.js"

const bar = document.querySelector(".finder form")
const lineOf = (n) => document.getElementById("t-" + n)
// The height of what covers the top of the window.
const covered = () => bar.getBoundingClientRect().bottom

if (bar) {
  const field = bar.elements.find, from = bar.elements.line, was = field.value
  const hits = bar.dataset.hits?.split(" ") ?? []
  let hit = Number(bar.dataset.hit)
  const go = (step) => {
    hit = (hit - 1 + step + hits.length) % hits.length + 1
    document.querySelector(".lines .current")?.classList.remove("current")
    const line = lineOf(hits[hit - 1])
    line.classList.add("current")
    line.scrollIntoView({ block: "center" })
    bar.querySelector("[role=status]").textContent = hit + " of " + hits.length
    history.replaceState(null, "", "?" + new URLSearchParams({ find: was, hit }))
  }
  for (const [label, step] of [["Previous match", -1], ["Next match", 1]]) {
    bar.querySelector(`[aria-label="${label}"]`)?.addEventListener("click", (event) => {
      if (hits.length === 0 || event.ctrlKey || event.metaKey) return
      event.preventDefault()
      go(step)
    })
  }
  let back = false // Shift+Enter
  field.addEventListener("keydown", (event) => { back = event.key === "Enter" && event.shiftKey })
  bar.addEventListener("submit", (event) => {
    if (field.value === was && hits.length > 0) {
      event.preventDefault()
      return go(back ? -1 : 1)
    }
    const top = covered()
    const line = [...document.querySelectorAll(".lines p")].find((p) => p.getBoundingClientRect().bottom > top)
    from.disabled = !line
    if (line) from.value = line.id.slice(2)
  })
  const query = new URLSearchParams(location.search)
  const start = document.getElementById("hit") ?? (query.has("find") && lineOf(query.get("line")))
  if (start && (location.hash === "" || location.hash === "#hit")) start.scrollIntoView({ block: "center" })
}

async function copy(text, done) {
  showToast(await copied(text) ? done : "Your browser does not allow copying here.")
}
const page = location.origin + location.pathname
const button = (name, act) => {
  const b = document.querySelector("[data-copy-" + name + "]")
  if (!b) return
  b.hidden = false
  b.addEventListener("click", act)
}
button("link", () => {
  const tab = new URLSearchParams(location.search).get("tab")
  copy(page + (tab ? "?tab=" + encodeURIComponent(tab) : "") + (/^#t-\d+$/.test(location.hash) ? location.hash : ""),
    "Link copied.")
})
button("lines", () => {
  const turns = [...document.querySelectorAll(".lines li")].map((turn) => [
    turn.querySelector("bdi")?.textContent ?? "",
    ...[...turn.querySelectorAll("p")].map((p) => {
      const clock = p.querySelector("a:not([aria-label])")
      return (clock ? "[" + clock.textContent.trim() + "] " : "") + p.querySelector("span").textContent
    }),
  ].filter(Boolean).join("\n"))
  copy(turns.join("\n\n"), "Transcript copied.")
})
// The time of a line is its link.
document.querySelector(".lines")?.addEventListener("click", (event) => {
  const clock = event.target.closest(".clock")
  if (!clock || event.ctrlKey || event.metaKey) return
  if (clock.getAttribute("href")[0] === "?") event.preventDefault() // the line is on this part of a long transcript
  copy(page + clock.getAttribute("href"), "Link to this moment copied.")
})
// The menu opens the forms, which a phone has in a closed part of the page.
const edit = document.getElementById("edit")
for (const link of document.querySelectorAll('a[href$="#edit"]')) {
  link.addEventListener("click", (event) => {
    event.preventDefault()
    edit.open = edit.parentElement.open = true
    link.closest("[popover]").hidePopover()
    edit.querySelector("input").focus()
  })
}
