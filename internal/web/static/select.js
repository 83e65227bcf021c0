// The list's "Select all", which is hidden until this runs, and its button, which
// has nothing to do while nothing is ticked.
const all = document.getElementById("all")
if (all) {
  const box = all.querySelector("input")
  const zip = document.getElementById("zip")
  const boxes = [...document.querySelectorAll("input[name=id]")]
  all.hidden = false
  const look = () => {
    const chosen = boxes.filter((b) => b.checked).length
    box.checked = chosen === boxes.length
    box.indeterminate = chosen > 0 && chosen < boxes.length
    zip.disabled = chosen === 0
  }
  box.addEventListener("change", () => {
    for (const b of boxes) b.checked = box.checked
    look()
  })
  for (const b of boxes) b.addEventListener("change", look)
  addEventListener("pageshow", look) // browsers keep ticks through the back button
}
