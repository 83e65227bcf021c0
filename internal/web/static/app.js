// Every page of signed-in users. Times are in the viewer's time zone, and exact on hover. The server
// writes them in UTC. A script that adds a part of a page calls localTimes with it.
const formats = {
  moment: { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" },
  day: { dateStyle: "medium" },
  short: { month: "short", day: "numeric" },
}
const exact = {
  weekday: "short", year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
}
export const localTimes = (part = document) => {
  for (const time of part.querySelectorAll("time[data-time]")) {
    const at = new Date(time.dateTime), format = formats[time.dataset.time]
    if (format) time.textContent = at.toLocaleString("en", format)
    time.title = at.toLocaleString("en", exact)
  }
}
localTimes()

// "/" focuses the search field of the page, or opens the page that has one. Its hint is hidden
// until this script runs.
const link = document.querySelector("[data-search]")
const focusSearch = () => {
  const field = document.querySelector("main input[type=search]")
  field?.focus()
  field?.select()
  return Boolean(field)
}
if (link) {
  link.querySelector("kbd").hidden = false
  addEventListener("keydown", (event) => {
    if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target.closest("input, textarea, select, [contenteditable]")) return
    event.preventDefault()
    if (!focusSearch()) location.assign(link.href)
  })
}
const followSearch = () => { if (location.hash === "#q") focusSearch() }
addEventListener("hashchange", followSearch)
followSearch()

// <div id="keys" data-live="5"> gets its new content from this page, or from the page at
// data-live-src, every 5 seconds while the page is visible. It ends when the new element has no
// data-live, when the answer is another page (such as the sign-in), and 30 minutes after the last
// key, click or return to the page. Nothing is replaced while the visitor has a menu of it open or
// selects text in it; ticked checkboxes and the focus are restored. After each change, the element
// gets the event "live".
const idleAfter = 30 * 60_000
let lastActive = Date.now()
for (const event of ["pointerdown", "keydown", "visibilitychange"]) {
  addEventListener(event, () => { lastActive = Date.now() }, { capture: true, passive: true })
}
const inUse = (element) => element.querySelector(":popover-open, dialog[open]") ||
  !getSelection().isCollapsed && getSelection().containsNode(element, true)
function refresh(old, fresh) {
  const mark = (e) => e.id || e.getAttribute("href") || (e.name ?? "") + "=" + e.value + (e.ariaLabel ?? e.textContent)
  const ticked = new Set([...old.querySelectorAll(":checked")].map(mark))
  const focused = old.contains(document.activeElement) && mark(document.activeElement)
  const title = (details) => details.querySelector("summary").textContent
  const open = new Set([...old.querySelectorAll("details[open]")].map(title))
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of fresh.attributes) old.setAttribute(name, value)
  old.replaceChildren(...fresh.childNodes)
  for (const e of old.querySelectorAll("[type=checkbox]")) e.checked = ticked.has(mark(e))
  for (const e of old.querySelectorAll("details")) e.open = open.has(title(e))
  const again = [...old.querySelectorAll("a[href], button, input")].find((e) => mark(e) === focused)
  again?.focus({ preventScroll: true })
  localTimes(old)
  old.dispatchEvent(new Event("live", { bubbles: true }))
}
async function live(element) {
  let last
  const step = async () => {
    if (document.hidden || inUse(element) || Date.now() - lastActive > idleAfter) return 1
    const response = await fetch(element.dataset.liveSrc ?? location.href, { headers: { Accept: "text/html" } })
    if (response.status === 429 || response.status >= 500) return 6 // times the usual wait
    if (!response.ok || response.redirected) return 0
    const fresh = new DOMParser().parseFromString(await response.text(), "text/html").getElementById(element.id)
    if (!fresh) return 0
    const html = fresh.outerHTML
    if (html !== last && !inUse(element)) {
      refresh(element, document.adoptNode(fresh))
      last = html
    }
    return 1
  }
  const wait = await step().catch(() => 6) // the network is lost
  const seconds = Number(element.dataset.live)
  if (wait && seconds && element.isConnected) setTimeout(live, wait * seconds * 1000, element)
}
for (const element of document.querySelectorAll("[data-live]")) {
  setTimeout(live, 1000 * element.dataset.live, element)
}
