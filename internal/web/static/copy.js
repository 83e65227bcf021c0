// Copy buttons: <button data-copy="ID"> copies the text of the element with that
// id. They are hidden until this runs, for without it they would do nothing.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false
  const label = button.textContent
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy)
    try {
      await navigator.clipboard.writeText(source.textContent)
      button.textContent = "Copied"
    } catch {
      // No clipboard over plain HTTP: selected, it is one keystroke.
      getSelection().selectAllChildren(source)
      button.textContent = "Press Ctrl+C"
    }
    setTimeout(() => { button.textContent = label }, 2000)
  })
}
