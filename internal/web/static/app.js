// Every page. Times are in the viewer's time zone, and exact on hover. The server
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

// "/" focuses the search field of the page, or opens the page that has one. Ctrl+K or ⌘K opens the
// palette. The hints are hidden until this script runs.
const link = document.querySelector("[data-search]")
const palette = document.getElementById("palette")
const focusSearch = () => {
  const field = document.querySelector("main input[type=search]")
  field?.focus()
  field?.select()
  return Boolean(field)
}
if (link) {
  const hints = link.querySelectorAll("kbd")
  for (const hint of hints) hint.hidden = false
  if (/Mac|iP/.test(navigator.platform)) hints[1].textContent = "⌘K"
}
addEventListener("keydown", async (event) => {
  if (palette && event.key.toLowerCase() === "k" && event.ctrlKey !== event.metaKey && !event.altKey && !event.shiftKey) {
    event.preventDefault()
    return (await import("./palette.js")).open()
  }
  if (!link || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return
  if (event.target.closest("input, textarea, select, [contenteditable], dialog")) return
  event.preventDefault()
  if (!focusSearch()) location.assign(link.href)
})
const followSearch = () => { if (location.hash === "#q") focusSearch() }
addEventListener("hashchange", followSearch)
followSearch()

// showToast shows a message for some seconds, as the server does with .Done.
export function showToast(text) {
  const toast = document.createElement("p")
  toast.className = "toast"
  toast.textContent = text
  document.querySelector(".toasts").replaceChildren(toast)
}

// copied copies a text, and returns whether it could: the clipboard is not available over plain HTTP.
export async function copied(text) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}

// A form that is being sent shows that and cannot be sent twice. If the server cannot be reached, it
// is not sent, because the browser would show its own error in place of what was typed.
const unavailable = [502, 503, 504]
const reachable = () => navigator.onLine &&
  fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(8000) })
    .then((response) => !unavailable.includes(response.status), () => false)
const sending = new Map() // the state of each form: "asking", "going" or "gone"
function release(form) {
  sending.delete(form)
  for (const element of form.elements) element.removeAttribute("aria-busy")
}
addEventListener("submit", async (event) => {
  const form = event.target
  const button = event.submitter
  if (event.defaultPrevented || form.method !== "post") return
  if (sending.get(form) === "going") {
    sending.set(form, "gone")
    // Another page follows, unless the answer is a download or the visitor stops it.
    setTimeout(release, form.hasAttribute("data-download") ? 2000 : 20_000, form)
    return
  }
  event.preventDefault()
  if (sending.has(form)) return
  sending.set(form, "asking")
  button?.setAttribute("aria-busy", "true")
  if (!await reachable()) {
    release(form)
    return showToast("No connection to the server. Nothing was sent, and what you typed is still here.")
  }
  keepDraft(form)
  sending.set(form, "going")
  form.requestSubmit(button)
})
addEventListener("pageshow", (event) => { if (event.persisted) [...sending.keys()].forEach(release) })

// If the session has ended when a form is sent, the server asks for a sign-in. What was typed is
// stored in this window until then, except for passwords, and only for the same user.
const user = document.querySelector(".me small")?.textContent // none on the sign-in page
const draftKey = "draft"
const target = (form) => new URL(form.getAttribute("action") ?? "", location).pathname
function keepDraft(form) {
  const secret = form.querySelector("[type=password], [type=file]")
  const fields = [...new FormData(form)].filter(([name]) => name !== "id" && form.elements[name].type !== "hidden")
  if (!secret && fields.length > 0) {
    sessionStorage.setItem(draftKey, JSON.stringify({ user, action: target(form), fields }))
  }
}
function restoreDraft() {
  const draft = JSON.parse(sessionStorage.getItem(draftKey))
  if (!draft) return
  draft.signedIn ||= document.referrer.startsWith(location.origin + "/signin")
  const form = [...document.forms].find((f) => f.method === "post" && target(f) === draft.action)
  if (!draft.signedIn || draft.user !== user || form) sessionStorage.removeItem(draftKey)
  else return sessionStorage.setItem(draftKey, JSON.stringify(draft)) // the form is on another page
  if (!draft.signedIn || draft.user !== user) return
  for (const [name, value] of draft.fields) {
    const field = form.elements[name]
    if (field?.type === "checkbox") field.checked = true
    else if (field) field.value = value
  }
  showToast("You are signed in again. What you typed is still here: send it once more.")
}
if (user) restoreDraft()

// <div id="keys" data-live="5"> gets its new content every 5 seconds while the page is visible: from
// this page, or from the URL in data-from. It ends when the new element has no data-live, when the
// answer is another page (such as the sign-in), and 30 minutes after the last key, click or return to
// the page. Nothing is replaced while the visitor types in it, sends a form
// of it, has a menu of it open or selects text in it; ticked checkboxes and the focus are restored.
// After each change, the element gets the event "live".
const idleAfter = 30 * 60_000
let lastActive = Date.now()
for (const event of ["pointerdown", "keydown", "visibilitychange"]) {
  addEventListener(event, () => { lastActive = Date.now() }, { capture: true, passive: true })
}
const inUse = (element) =>
  element.querySelector(":popover-open, [aria-busy=true], :focus:is(input:not([type=checkbox]), select)") ||
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
async function live(element, last) {
  const step = async () => {
    if (document.hidden || inUse(element) || Date.now() - lastActive > idleAfter) return 1
    const response = await fetch(element.dataset.from ?? location.href, { headers: { Accept: "text/html" } })
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
  if (wait && seconds && element.isConnected) setTimeout(live, wait * seconds * 1000, element, last)
}
for (const element of document.querySelectorAll("[data-live]")) {
  setTimeout(live, 1000 * element.dataset.live, element, element.outerHTML)
}
