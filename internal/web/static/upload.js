// The import page. Uploads the chosen or dropped files one after the other, each with a
// progress bar. If the connection is lost, finished files stay imported and "Try again"
// sends the rest. Without JavaScript, the form sends all files in one request and the
// response is a page with the results.
const form = document.getElementById("import")
const drop = document.getElementById("drop")
const panel = document.getElementById("uploads")
const list = panel.querySelector("ul")
const summary = document.getElementById("uploads-said")
const retry = document.getElementById("again")
const view = document.getElementById("seen")
const maxBytes = Number(form.dataset.maxBytes)

// { file, name, item, state }. The state is waiting, sending, imported, unchanged, refused or lost.
const rows = []
let busy = false

function add(found) {
  for (const { file, name } of found) {
    const item = document.getElementById("upload").content.firstElementChild.cloneNode(true)
    item.querySelector(".name").textContent = name
    item.querySelector("progress").setAttribute("aria-label", name)
    list.append(item)
    rows.push({ file, name, item, state: "waiting" })
  }
  if (rows.length > 0) panel.hidden = false
  run()
}

// setState shows the state of a file. With an id, the name becomes a link to the transcription.
function setState(row, state, text, id) {
  row.state = state
  const label = row.item.querySelector(".word")
  label.className = "word " + state
  label.textContent = text
  const bar = row.item.querySelector("progress")
  bar.hidden = state !== "sending"
  if (id) {
    const link = document.createElement("a")
    link.href = form.dataset.read + id
    link.textContent = row.name
    row.item.querySelector(".name").replaceChildren(link)
  }
}

async function run() {
  if (busy) return
  busy = true
  retry.hidden = true
  for (let row; (row = rows.find((r) => r.state === "waiting"));) {
    if (row.file.size > maxBytes) {
      setState(row, "refused", "refused: is larger than " + (maxBytes >> 20) + " MB")
      continue
    }
    showSummary("Importing")
    if (await send(row)) continue
    for (const r of rows) if (r.state === "waiting") setState(r, "lost", "not sent")
  }
  busy = false
  const rest = rows.filter((r) => r.state === "lost").length
  retry.hidden = rest === 0
  view.hidden = !rows.some((r) => r.state === "imported" || r.state === "unchanged")
  showSummary(rest > 0 ? "Import interrupted; finished files are saved" : "Done")
}

function showSummary(title) {
  const n = (state) => rows.filter((r) => r.state === state).length
  const rest = n("waiting") + n("sending") + n("lost")
  summary.textContent = title + ": " + n("imported") + " imported, " + n("unchanged") + " unchanged, " +
    n("refused") + " refused" + (rest ? ", " + rest + " remaining" : "") + "."
}

// send uploads one file. It resolves to true if the next file should be sent.
function send(row) {
  return new Promise((resolve) => {
    const body = new FormData()
    // The server needs the fields before the file.
    body.append("project", form.elements.project.value)
    body.append("language", form.elements.language.value)
    body.append("modified", String(row.file.lastModified))
    body.append("files", row.file, row.file.name)
    const call = new XMLHttpRequest()
    const bar = row.item.querySelector("progress")
    call.open("POST", form.action)
    call.setRequestHeader("Accept", "application/json")
    call.responseType = "json"
    call.upload.addEventListener("progress", (e) => {
      if (!e.lengthComputable) return
      bar.value = 100 * e.loaded / e.total
      row.item.querySelector(".word").textContent = e.loaded < e.total ? Math.floor(bar.value) + "%" : "processing"
    })
    call.addEventListener("load", () => {
      const result = call.response ?? {}
      switch (true) {
        case result.state === "imported":
          setState(row, "imported", "imported", result.id)
          return resolve(true)
        case result.state === "unchanged":
          setState(row, "unchanged", "unchanged: already in this workspace", result.id)
          return resolve(true)
        case result.state === "refused":
          setState(row, "refused", "refused: " + result.reason)
          return resolve(true)
      }
      setState(row, "lost", "not imported: " + (result.reason ?? "the server responded with " + call.status))
      resolve(call.status === 500) // a fault with this file; any other status would be the same for the next file
    })
    for (const event of ["error", "abort"]) {
      call.addEventListener(event, async () => {
        // A deleted file causes the same event as a lost connection, and retrying it would
        // block the files after it. Reading a slice of a deleted file succeeds and returns
        // nothing, so read the whole file.
        const readable = await row.file.arrayBuffer().then(() => true, () => false)
        if (readable) setState(row, "lost", "not sent: connection lost")
        else setState(row, "refused", "refused: the browser cannot read this file; choose it again")
        resolve(!readable)
      })
    }
    // A connection can break without an event. The timeout leaves the server time to read a large file.
    let timeout
    const restartTimeout = () => {
      clearTimeout(timeout)
      timeout = setTimeout(() => call.abort(), 180_000)
    }
    call.upload.addEventListener("progress", restartTimeout)
    call.addEventListener("loadend", () => clearTimeout(timeout))
    restartTimeout()
    setState(row, "sending", "0%")
    bar.value = 0
    call.send(body)
  })
}

retry.addEventListener("click", () => {
  for (const row of rows) if (row.state === "lost") setState(row, "waiting", "waiting")
  run()
})

const { files, folder } = form.elements
document.getElementById("folders").hidden = false
folder.addEventListener("change", () => { files.required = folder.files.length === 0 })
form.addEventListener("submit", (event) => {
  event.preventDefault()
  add([...named(files.files), ...named(folder.files).filter((f) => !/(^|\/)\./.test(f.name)).sort(byName)])
  files.value = folder.value = ""
  files.required = true
})

// Files in a folder are named by their path, because every folder may contain a "transcript.vtt".
const named = (files) => [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }))
const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) // browsers list files in any order

// filesIn returns a dropped file, or the files in a dropped folder and its subfolders.
async function filesIn(entry) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject))
    return [{ file, name: entry.fullPath.slice(1) }]
  }
  const reader = entry.createReader()
  const files = []
  for (;;) { // readEntries returns the entries in batches
    const batch = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (batch.length === 0) return files
    for (const e of batch) if (!e.name.startsWith(".")) for (const f of await filesIn(e)) files.push(f)
  }
}

for (const event of ["dragenter", "dragover"]) {
  addEventListener(event, (e) => {
    if (!e.dataTransfer?.types.includes("Files")) return
    e.preventDefault() // otherwise the browser opens the file instead of the page
    drop.classList.add("over")
  })
}
addEventListener("dragleave", (e) => { if (!e.relatedTarget) drop.classList.remove("over") })
addEventListener("drop", async (e) => {
  if (!e.dataTransfer?.types.includes("Files")) return
  e.preventDefault()
  drop.classList.remove("over")
  // The entries are available only before the first await.
  const entries = [...e.dataTransfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean)
  const loose = named(e.dataTransfer.files)
  try {
    const found = entries.length > 0 ? (await Promise.all(entries.map(filesIn))).flat() : loose
    if (found.length > 0) return add(found.sort(byName))
    summary.textContent = "No files found in what you dropped."
  } catch {
    summary.textContent = "The browser could not read what you dropped. Choose the files instead."
  }
  panel.hidden = false
})
addEventListener("beforeunload", (e) => { if (busy) e.preventDefault() })
