// The "Select all" checkbox of a list, which is hidden until this script runs. The button that acts
// on the selection is disabled while nothing is selected. The list may get new checkboxes (see
// data-live in app.js).
const all = document.getElementById("all")
if (all) {
  const box = all.querySelector("input")
  const button = document.querySelector("[data-selection]")
  const boxes = () => [...document.querySelectorAll("input[type=checkbox][name=id]")]
  all.hidden = false
  const update = () => {
    const selected = boxes().filter((b) => b.checked).length
    box.checked = selected > 0 && selected === boxes().length
    box.indeterminate = selected > 0 && !box.checked
    button.disabled = selected === 0
  }
  box.addEventListener("change", () => {
    for (const b of boxes()) b.checked = box.checked
  })
  for (const event of ["change", "live", "pageshow"]) addEventListener(event, update) // browsers restore checkboxes
}
