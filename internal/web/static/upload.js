// The import page. Lists the chosen or dropped files, and uploads them one after the other. If the
// connection is lost, finished files stay imported and "Try again" sends the rest. Without
// JavaScript, the form sends all files in one request and the response is a page with the results.
const form = document.getElementById("import")
const drop = document.getElementById("drop")
const sendButton = document.getElementById("send")
const panel = document.getElementById("uploads")
const list = panel.querySelector("ul")
const summary = document.getElementById("uploads-said")
const total = document.getElementById("total")
const retry = document.getElementById("again")
const view = document.getElementById("seen")
const parts = document.getElementById("upload").content
const maxBytes = Number(form.dataset.maxBytes)
const extensions = form.dataset.extensions.split(" ") // of transcripts, the richest formats first

// { file, name, item, state, others }. The state is queued, sending, imported, unchanged, skipped, refused
// or lost. The others are skipped files of the same meeting.
let rows = []
let busy = false
const inState = (...states) => rows.filter((row) => states.includes(row.state))

const size = (bytes) => bytes < 1e6 ? Math.ceil(bytes / 1e3) + " kB" : (bytes / 1e6).toFixed(1) + " MB"

const extensionOf = (name) => /\.[^./]*$/.exec(name)?.[0].toLowerCase() ?? ""
const rank = (name) => extensions.indexOf(extensionOf(name))

// selectFromFolder skips what a folder has besides transcripts. Files that differ only in their extensions are
// one meeting, of which the richest file that can be read is imported.
function selectFromFolder(added) {
  const meetings = new Map()
  for (const row of added.filter((r) => r.name.includes("/") && extensionOf(r.name) !== ".zip")) {
    if (rank(row.name) < 0) {
      setState(row, "skipped", "Skipped: not a transcript")
      continue
    }
    const stem = row.name.slice(0, -extensionOf(row.name).length).toLowerCase()
    meetings.set(stem, [...meetings.get(stem) ?? [], row])
  }
  for (const meeting of meetings.values()) {
    const [first, ...others] = meeting.sort((a, b) => rank(a.name) - rank(b.name))
    first.others = others
    for (const row of others) setState(row, "skipped", "Skipped: same meeting as " + first.name.split("/").pop())
  }
}

function add(found) {
  const before = rows.length
  for (const { file, name } of found) {
    const item = parts.firstElementChild.cloneNode(true)
    const row = { file, name, item }
    item.querySelector(".name").textContent = name
    item.querySelector(".about").textContent = size(file.size)
    item.querySelector("progress").ariaLabel = name
    const remove = item.querySelector("button")
    remove.ariaLabel = "Remove " + name
    remove.addEventListener("click", () => {
      rows = rows.filter((r) => r !== row)
      item.remove()
      showSummary()
    })
    list.append(item)
    rows.push(row)
    setState(row, "queued", "Waiting")
  }
  selectFromFolder(rows.slice(before))
  showSummary()
}

// setState shows the state of a file. With an id, the name becomes a link to the transcription.
// Problems move to the top of the list. If a file is refused, the next of the same meeting is imported.
function setState(row, state, text, id) {
  const { item } = row
  row.state = item.className = state
  item.querySelector(".word").textContent = text
  item.querySelector("progress").hidden = state !== "sending"
  item.querySelector("button").hidden = state !== "queued"
  item.querySelector(":scope > .icon")?.remove()
  item.prepend(parts.querySelector(`[data-state=${state}] svg`).cloneNode(true))
  if (state === "refused" || state === "lost") {
    list.insertBefore(item, list.querySelector(":scope > li:not(.refused, .lost)"))
  }
  if (state === "refused" && row.others?.length > 0) {
    const [next, ...others] = row.others
    next.others = others
    setState(next, "queued", "Waiting")
  }
  if (id) {
    const link = document.createElement("a")
    link.href = form.dataset.read + id
    link.textContent = row.name
    item.querySelector(".name").replaceChildren(link)
  }
}

async function run() {
  if (busy) return
  busy = true
  let losses = 0 // in a row
  for (let row; (row = rows.find((r) => r.state === "queued"));) {
    if (row.file.size > maxBytes) {
      setState(row, "refused", "Refused: is larger than " + (maxBytes >> 20) + " MB")
      continue
    }
    const outcome = await send(row)
    losses = outcome === "lost" ? losses + 1 : 0
    // One file can fail alone, but after two the others would fail in the same way.
    if (outcome === "stop" || losses === 2) for (const r of inState("queued")) setState(r, "lost", "Not sent")
  }
  busy = false
  showSummary()
}

// showReport shows what was understood of a file.
function showReport(row, { about, warnings = [] }) {
  if (about) row.item.querySelector(".about").textContent = about
  const ul = row.item.querySelector(".warnings")
  ul.hidden = warnings.length === 0
  ul.replaceChildren(...warnings.map((text) => {
    const li = document.createElement("li")
    li.textContent = text
    return li
  }))
}

function showSummary() {
  const n = (...states) => inState(...states).length
  const rest = n("queued", "sending", "lost")
  panel.hidden = rows.length === 0
  retry.hidden = busy || n("lost") === 0
  view.hidden = busy || n("imported", "unchanged") === 0
  total.hidden = !busy
  const ready = busy ? 0 : n("queued")
  sendButton.textContent = "Import" + (ready > 0 ? " " + ready + (ready === 1 ? " file" : " files") : "")
  summary.ariaLive = busy ? "off" : "polite" // only the result is read aloud
  if (ready > 0 && ready + n("skipped") === rows.length) {
    summary.textContent = "Ready: " + size(inState("queued").reduce((sum, r) => sum + r.file.size, 0)) + " in total."
    return
  }
  const title = busy ? "Importing" : n("lost") > 0 ? "Import interrupted; finished files are saved" : "Done"
  summary.textContent = title + ": " + n("imported") + " imported, " + n("unchanged") + " already there, " +
    n("refused") + " refused" + (n("skipped") ? ", " + n("skipped") + " skipped" : "") + (rest ? ", " + rest + " remaining" : "") + "."
}

// showProgress shows how much of all files is done, with some bytes of the current one.
function showProgress(current) {
  const bytes = (some) => some.reduce((sum, r) => sum + r.file.size, 0)
  total.max = bytes(rows) || 1
  total.value = bytes(inState("imported", "unchanged", "skipped", "refused")) + current
}

// send uploads one file. It resolves to "done", or to "lost" if the connection failed, or to "stop"
// if the next file would fail in the same way.
function send(row) {
  return new Promise((resolve) => {
    const body = new FormData()
    // The server needs the fields before the file.
    body.append("project", form.elements.project.value)
    body.append("language", form.elements.language.value)
    body.append("modified", String(row.file.lastModified))
    if (row.name.includes("/")) body.append("path", row.name)
    body.append("files", row.file, row.file.name)
    const call = new XMLHttpRequest()
    const bar = row.item.querySelector("progress")
    call.open("POST", form.action)
    call.setRequestHeader("Accept", "application/json")
    call.responseType = "json"
    call.upload.addEventListener("progress", (e) => {
      if (!e.lengthComputable) return
      bar.value = 100 * e.loaded / e.total
      row.item.querySelector(".word").textContent = e.loaded < e.total ? Math.floor(bar.value) + "%" : "Reading"
      showProgress(e.loaded)
    })
    call.addEventListener("load", () => {
      const result = call.response ?? {}
      showReport(row, result)
      switch (true) {
        case result.state === "imported":
          setState(row, "imported", "Imported", result.id)
          return resolve("done")
        case result.state === "unchanged":
          setState(row, "unchanged", "Already there", result.id)
          return resolve("done")
        case result.state === "refused":
          setState(row, "refused", "Refused: " + result.reason)
          return resolve("done")
      }
      setState(row, "lost", "Not imported: " + (result.reason ?? "the server responded with " + call.status))
      resolve(call.status === 500 ? "done" : "stop") // 500 is a fault with this file only
    })
    for (const event of ["error", "abort"]) {
      call.addEventListener(event, async () => {
        // A deleted file causes the same event as a lost connection, and retrying it would
        // block the files after it. Reading a slice of a deleted file succeeds and returns
        // nothing, so read the whole file.
        const readable = await row.file.arrayBuffer().then(() => true, () => false)
        if (readable) setState(row, "lost", "Connection lost")
        else setState(row, "refused", "Refused: the browser cannot read this file; choose it again")
        resolve(readable ? "lost" : "done")
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
    showProgress(0)
    showSummary()
    call.send(body)
  })
}

function tryAgain() {
  for (const row of inState("lost")) setState(row, "queued", "Waiting")
  run()
}
retry.addEventListener("click", tryAgain)
addEventListener("online", () => { if (inState("lost").length > 0) tryAgain() })

const { files, folder } = form.elements
const folderButton = document.getElementById("choose-folder")
folderButton.hidden = files.required = false
drop.classList.add("listed")
folderButton.addEventListener("click", () => folder.click())
for (const field of [files, folder]) {
  field.addEventListener("change", () => {
    add(field === files ? named(field.files) :
      named(field.files).filter((f) => !/(^|\/)\./.test(f.name)).sort(byName))
    field.value = ""
  })
}
form.addEventListener("submit", (event) => {
  event.preventDefault()
  if (inState("queued").length > 0) run()
  else files.click()
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
