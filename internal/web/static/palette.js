// The palette, which app.js loads with the first Ctrl+K or ⌘K. Pages, projects and workspaces are
// those of the navigation; meetings come from the server.
const dialog = document.getElementById("palette")
const input = dialog.querySelector("input")
const list = dialog.querySelector("[role=listbox]")
const said = dialog.querySelector("[role=status]")
const search = document.querySelector("[data-search]")
const maxLinks = 8

const links = ["#nav li a", "#me a", "#workspaces a"].flatMap((of) => [...document.querySelectorAll(of)]).map((a) => ({
  text: a.querySelector("bdi").textContent, note: a.closest("#workspaces") ? "Workspace" : "",
  href: a.href, icon: a.querySelector("svg"),
}))

let options = []
let current = 0

function show(found) {
  options = found.map(({ text, note, href, icon }, i) => {
    const option = document.createElement("a")
    Object.assign(option, { href, id: "option-" + i, role: "option", tabIndex: -1 })
    const name = document.createElement("bdi")
    name.className = "cut"
    name.textContent = text
    const about = document.createElement("small")
    about.textContent = note
    option.append(...icon ? [icon.cloneNode(true)] : [], name, about)
    return option
  })
  list.replaceChildren(...options)
  said.textContent = options.length === 1 ? "1 result" : options.length + " results"
  select(0)
}

function select(i) {
  current = (i + options.length) % options.length || 0
  options.forEach((option, n) => { option.ariaSelected = String(n === current) })
  options[current]?.scrollIntoView({ block: "nearest" })
  input.setAttribute("aria-activedescendant", options[current]?.id ?? "")
}

// update shows the links at once, and the meetings when the server has answered.
let pending
async function update() {
  pending?.abort()
  const call = pending = new AbortController()
  const q = input.value.trim()
  const words = q.toLowerCase().split(/\s+/)
  const begins = ({ text }) => text.toLowerCase().startsWith(words[0])
  const found = links.filter(({ text }) => words.every((word) => text.toLowerCase().includes(word)))
    .sort((a, b) => begins(b) - begins(a)).slice(0, maxLinks)
  if (!q || !search) return show(found)
  const all = { text: "Search for “" + q + "”", note: "", icon: search.querySelector("svg"),
    href: search.pathname + "?q=" + encodeURIComponent(q) }
  show([...found, all])
  await new Promise((done) => setTimeout(done, 150)) // the visitor may still be typing
  if (call.signal.aborted) return
  try {
    const response = await fetch(dialog.dataset.find + "?q=" + encodeURIComponent(q),
      { headers: { Accept: "application/json" }, signal: call.signal })
    if (!response.ok) return
    const icon = document.querySelector('#nav li a[href$="/transcriptions"] svg')
    const meetings = (await response.json()).map(({ title, href, day }) => ({ text: title, note: day, href, icon }))
    const place = current
    show([...found, ...meetings, all])
    if (place < found.length) select(place)
  } catch { /* the links are enough */ }
}

input.addEventListener("input", update)
input.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
  if (event.isComposing || !step && event.key !== "Enter") return
  event.preventDefault()
  if (step) select(current + step)
  else options[current]?.click()
})
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close() })
list.addEventListener("click", () => dialog.close())

export function open() {
  if (dialog.open) return dialog.close()
  input.value = ""
  update()
  dialog.showModal()
}
