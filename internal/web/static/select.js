// The list's "Select all" checkbox, which is hidden until this script runs. The download
// button is disabled while nothing is selected.
const all = document.getElementById("all")
if (all) {
  const box = all.querySelector("input")
  const zip = document.getElementById("zip")
  const boxes = [...document.querySelectorAll("input[name=id]")]
  all.hidden = false
  const update = () => {
    const selected = boxes.filter((b) => b.checked).length
    box.checked = selected === boxes.length
    box.indeterminate = selected > 0 && selected < boxes.length
    zip.disabled = selected === 0
  }
  box.addEventListener("change", () => {
    for (const b of boxes) b.checked = box.checked
    update()
  })
  for (const b of boxes) b.addEventListener("change", update)
  addEventListener("pageshow", update) // browsers restore checkboxes after "back"
}
