// The import page. Lists the chosen or dropped files, and uploads them one meeting after the other. The
// server says which files of a folder are a meeting, and which are left out. If the connection is
// lost, finished files stay imported and "Try again" sends the rest. Without JavaScript, the form
// sends all files in one request and the response is a page with the results.
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

// { file, name, item, state, meeting }. The state is queued, sending, imported, unchanged, skipped, refused
// or lost. The meeting is the list of its rows, which are sent together; a file of a folder has none until the server
// says which. The rows of the files in a ZIP have no file.
let rows = []
let busy = false
const inState = (...states) => rows.filter((row) => states.includes(row.state))

const size = (bytes) => bytes < 1e6 ? Math.ceil(bytes / 1e3) + " kB" : (bytes / 1e6).toFixed(1) + " MB"

// selectFiles asks the server which files of folders are imported. It resolves to false if that failed.
async function selectFiles() {
  const found = inState("queued").filter((row) => !row.meeting)
  if (found.length === 0) return true
  let selection
  try {
    const response = await fetch(form.action + "/select", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify(found.map((row) => ({ path: row.name, size: row.file.size }))),
    })
    selection = await response.json()
    if (!response.ok) throw new Error(selection.reason)
  } catch (e) {
    const text = e instanceof TypeError ? "Connection lost" : "Not sent: " + e.message
    for (const row of found) if (rows.includes(row)) setState(row, "lost", text)
    return false
  }
  for (const { file, state, reason } of selection.left) setState(found[file], state, words[state] + reason)
  for (const indexes of selection.meetings) {
    const meeting = indexes.map((i) => found[i]).filter((row) => rows.includes(row))
    for (const row of meeting) {
      row.meeting = meeting
      if (row !== meeting[0]) setState(row, "queued", "With " + meeting[0].name.split("/").pop())
    }
  }
  return true
}

// newRow makes the row of a file. The caller adds its item to the list.
function newRow(name, file) {
  const item = parts.firstElementChild.cloneNode(true)
  const row = { file, name, item }
  item.querySelector(".name").textContent = name
  item.querySelector("progress").ariaLabel = name
  return row
}

async function add(found) {
  for (const { file, name } of found) {
    const row = newRow(name, file)
    if (!name.includes("/")) row.meeting = [row]
    row.item.querySelector(".about").textContent = size(file.size)
    const remove = row.item.querySelector("button")
    remove.ariaLabel = "Remove " + name
    remove.addEventListener("click", () => {
      rows = rows.filter((r) => r !== row)
      row.meeting?.splice(row.meeting.indexOf(row), 1)
      row.item.remove()
      showSummary()
    })
    list.append(row.item)
    rows.push(row)
    setState(row, "queued", "Waiting")
  }
  showSummary()
  await selectFiles()
  showSummary()
}

// setState shows the state of a file. With an id, the name becomes a link to the transcription.
// Problems move to the top of the list, except for those in a ZIP.
function setState(row, state, text, id) {
  const { item } = row
  row.state = item.className = state
  item.querySelector(".word").textContent = text
  item.querySelector("progress").hidden = state !== "sending"
  item.querySelector(".about").hidden = state === "skipped" || state === "refused" && !row.archive
  item.querySelector("button").hidden = state !== "queued"
  item.querySelector(":scope > .icon")?.remove()
  item.prepend(parts.querySelector(`[data-state=${state}] svg`).cloneNode(true))
  if (row.file && (state === "refused" || state === "lost")) {
    list.insertBefore(item, list.querySelector(":scope > li:not(.refused, .lost)"))
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
  let losses = await selectFiles() ? 0 : 2 // in a row
  for (let row; losses < 2 && (row = rows.find((r) => r.state === "queued" && r.meeting));) {
    if (row.file.size > maxBytes) {
      setState(row, "refused", "Refused: is larger than " + (maxBytes >> 20) + " MB")
      continue
    }
    const outcome = await send(row.meeting.filter((r) => r.state === "queued"))
    losses = outcome === "lost" ? losses + 1 : 0
    if (outcome === "stop") losses = 2
  }
  // One file can fail alone, but after two the others would fail in the same way.
  if (losses >= 2) for (const row of inState("queued")) setState(row, "lost", "Not sent")
  busy = false
  showSummary()
}

// words start what is said of a file in a state.
const words = { imported: "Imported", unchanged: "Already there", skipped: "Skipped: ", refused: "Refused: " }

// showResult shows what became of a file, and what was understood of it.
function showResult(row, { state, id, reason = "", help, about, warnings = [], files }) {
  row.archive = Boolean(files)
  setState(row, state, words[state] + (state === "skipped" || state === "refused" ? reason : ""), id)
  if (help) {
    const link = row.item.querySelector(".help")
    link.hidden = false
    link.href = help.href
    link.textContent = help.text
  }
  if (about) row.item.querySelector(".about").textContent = about
  const ul = row.item.querySelector(".warnings")
  ul.hidden = warnings.length === 0
  ul.replaceChildren(...warnings.map((text) => {
    const li = document.createElement("li")
    li.textContent = text
    return li
  }))
  if (files) showArchive(row, files)
}

// showArchive adds a row for each file in a ZIP.
function showArchive(archive, files) {
  let last = archive.item
  for (const result of files) {
    const row = newRow(result.name)
    last.after(row.item)
    last = row.item
    rows.push(row)
    showResult(row, result)
    row.item.classList.add("inside")
  }
}

const bytes = (some) => some.reduce((sum, row) => sum + (row.file?.size ?? 0), 0)

function showSummary() {
  const n = (...states) => inState(...states).filter((row) => !row.archive).length
  const rest = n("queued", "sending", "lost")
  panel.hidden = rows.length === 0
  retry.hidden = busy || n("lost") === 0
  view.hidden = busy || n("imported", "unchanged") === 0
  total.hidden = !busy
  const ready = busy ? 0 : n("queued")
  sendButton.textContent = "Import" + (ready > 0 ? " " + ready + (ready === 1 ? " file" : " files") : "")
  summary.ariaLive = busy ? "off" : "polite" // only the result is read aloud
  if (ready > 0 && ready + n("skipped") === rows.length) {
    summary.textContent = "Ready: " + size(bytes(inState("queued"))) + " in total."
    return
  }
  const title = busy ? "Importing" : n("lost") > 0 ? "Import interrupted; finished files are saved" : "Done"
  summary.textContent = title + ": " + n("imported") + " imported, " + n("unchanged") + " already there, " +
    n("refused") + " refused" + (n("skipped") ? ", " + n("skipped") + " skipped" : "") + (rest ? ", " + rest + " remaining" : "") + "."
}

// showProgress shows how much of all files is done, with some bytes of the current one.
function showProgress(current) {
  total.max = bytes(rows) || 1
  total.value = bytes(inState("imported", "unchanged", "skipped", "refused")) + current
}

// send uploads the files of a meeting. It resolves to "done", or to "lost" if the connection failed, or to
// "stop" if the next file would fail in the same way.
function send(meeting) {
  return new Promise((resolve) => {
    const body = new FormData()
    // The server needs the fields before the files.
    body.append("project", form.elements.project.value)
    body.append("language", form.elements.language.value)
    if (meeting.length > 1) body.append("meeting", "yes")
    for (const { name, file } of meeting) {
      body.append("modified", String(file.lastModified))
      if (name.includes("/")) body.append("path", name)
      body.append("files", file, file.name)
    }
    const [row] = meeting
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
      if (words[result.state]) {
        meeting.forEach((r, i) => showResult(r, meeting.length > 1 && result.files ? result.files[i] : result))
        return resolve("done")
      }
      const text = "Not imported: " + (result.reason ?? "the server responded with " + call.status)
      for (const r of meeting) setState(r, "lost", text)
      resolve(call.status === 500 ? "done" : "stop") // 500 is a fault with this meeting only
    })
    for (const event of ["error", "abort"]) {
      call.addEventListener(event, async () => {
        // A deleted file causes the same event as a lost connection, and retrying it would
        // block the files after it. Reading a slice of a deleted file succeeds and returns
        // nothing, so read the whole file.
        let lost = true
        for (const r of meeting) {
          const readable = await r.file.arrayBuffer().then(() => true, () => false)
          if (!readable) setState(r, "refused", "Refused: the browser cannot read this file; choose it again")
          lost &&= readable
        }
        for (const r of meeting.filter((m) => m.state !== "refused")) {
          setState(r, lost ? "lost" : "queued", lost ? "Connection lost" : "Waiting")
        }
        resolve(lost ? "lost" : "done")
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
    for (const r of meeting) setState(r, "sending", r === row ? "0%" : "With " + row.name.split("/").pop())
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
