// The list. "Select all" also ticks the rows of the page, and a row that is cleared ends it. A link to
// a filter opens its menu.
const all = document.querySelector(".bulk [name=all]")
const boxes = [...document.querySelectorAll("[name=id]")]
all?.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked })
for (const box of boxes) box.addEventListener("change", () => { if (all && !box.checked) all.checked = false })
const openFilter = () => {
  const button = location.hash && document.getElementById(location.hash.slice(1))
  if (button?.popoverTargetElement) button.click()
}
addEventListener("hashchange", openFilter)
openFilter()
