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

// "/" focuses the search field of the page, or opens the page
// that has one. Its hint is hidden until this script runs.
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
