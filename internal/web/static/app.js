// Every page of signed-in users. "/" focuses the search field of the page, or opens the page
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
