// The import page: files that are chosen or dropped go up one after the other,
// each with its bar. When the network is lost, what was finished stays finished,
// and "Try again" goes on with the rest. Without this, the form sends them all
// at once and a page tells what became of them.
const form = document.getElementById("import")
const drop = document.getElementById("drop")
const panel = document.getElementById("uploads")
const list = panel.querySelector("ul")
const said = document.getElementById("uploads-said")
const again = document.getElementById("again")
const seen = document.getElementById("seen")
const most = Number(form.dataset.most)

const rows = [] // { file, name, item, state }: waiting, going, imported, unchanged, refused or lost
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

function tell(row, state, word, id) {
  row.state = state
  const said = row.item.querySelector(".word")
  said.className = "word " + state
  said.textContent = word
  const bar = row.item.querySelector("progress")
  bar.hidden = state !== "going"
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
  again.hidden = true
  for (let row; (row = rows.find((r) => r.state === "waiting"));) {
    if (row.file.size > most) {
      tell(row, "refused", "refused: is larger than " + (most >> 20) + " MB")
      continue
    }
    count("Importing")
    if (await send(row)) continue
    for (const r of rows) if (r.state === "waiting") tell(r, "lost", "not sent")
  }
  busy = false
  const rest = rows.filter((r) => r.state === "lost").length
  again.hidden = rest === 0
  seen.hidden = !rows.some((r) => r.state === "imported" || r.state === "unchanged")
  count(rest > 0 ? "The import stopped; what is finished is kept" : "Done")
}

function count(word) {
  const n = (state) => rows.filter((r) => r.state === state).length
  const rest = n("waiting") + n("going") + n("lost")
  said.textContent = word + ": " + n("imported") + " imported, " + n("unchanged") + " unchanged, " + n("refused") + " refused" + (rest ? ", " + rest + " to go" : "") + "."
}

// send resolves to whether to go on with the next file.
function send(row) {
  return new Promise((resolve) => {
    const body = new FormData()
    // The fields come before the file: the server reads them in this order.
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
      row.item.querySelector(".word").textContent = e.loaded < e.total ? Math.floor(bar.value) + " %" : "reading"
    })
    call.addEventListener("load", () => {
      const answer = call.response ?? {}
      switch (true) {
        case answer.state === "imported":
          tell(row, "imported", "imported", answer.id)
          return resolve(true)
        case answer.state === "unchanged":
          tell(row, "unchanged", "unchanged: it was here already", answer.id)
          return resolve(true)
        case answer.state === "refused":
          tell(row, "refused", "refused: " + answer.reason)
          return resolve(true)
      }
      tell(row, "lost", "not taken: " + (answer.reason ?? "the server answered " + call.status))
      resolve(call.status === 500) // that is about this file, and whatever else there is would be about all
    })
    for (const event of ["error", "abort"]) {
      call.addEventListener(event, async () => {
        // A file that is gone fails as the network does, and would hold up those
        // behind it however often it is tried. Any part of it is read as empty, so
        // it is read whole.
        const there = await row.file.arrayBuffer().then(() => true, () => false)
        if (there) tell(row, "lost", "not sent: the connection was lost")
        else tell(row, "refused", "refused: the browser cannot read it; choose it again")
        resolve(!there)
      })
    }
    // A line can die without a word. Reading a large file takes the server a while.
    let silence
    const heard = () => {
      clearTimeout(silence)
      silence = setTimeout(() => call.abort(), 180_000)
    }
    call.upload.addEventListener("progress", heard)
    call.addEventListener("loadend", () => clearTimeout(silence))
    heard()
    tell(row, "going", "0 %")
    bar.value = 0
    call.send(body)
  })
}

again.addEventListener("click", () => {
  for (const row of rows) if (row.state === "lost") tell(row, "waiting", "waiting")
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

// A file of a folder is called by its path: every folder may have its "transcript.vtt".
const named = (files) => [...files].map((file) => ({ file, name: file.webkitRelativePath || file.name }))
const byName = (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }) // a disk gives them in no order

// Dropped folders are read to their depth.
async function within(entry) {
  if (entry.isFile) return [{ file: await new Promise((resolve, reject) => entry.file(resolve, reject)), name: entry.fullPath.slice(1) }]
  const reader = entry.createReader()
  const files = []
  for (;;) { // a reader gives its entries in portions
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject))
    if (some.length === 0) return files
    for (const e of some) if (!e.name.startsWith(".")) for (const f of await within(e)) files.push(f)
  }
}

for (const event of ["dragenter", "dragover"]) {
  addEventListener(event, (e) => {
    if (!e.dataTransfer?.types.includes("Files")) return
    e.preventDefault() // or the browser opens the file in place of the page
    drop.classList.add("over")
  })
}
addEventListener("dragleave", (e) => { if (!e.relatedTarget) drop.classList.remove("over") })
addEventListener("drop", async (e) => {
  if (!e.dataTransfer?.types.includes("Files")) return
  e.preventDefault()
  drop.classList.remove("over")
  // Entries must be asked for before the first await: then they are gone.
  const entries = [...e.dataTransfer.items].map((i) => i.webkitGetAsEntry?.()).filter(Boolean)
  const loose = named(e.dataTransfer.files)
  try {
    const found = entries.length > 0 ? (await Promise.all(entries.map(within))).flat() : loose
    if (found.length > 0) return add(found.sort(byName))
    said.textContent = "There are no files in what was dropped."
  } catch {
    said.textContent = "The browser could not read what was dropped. Choose the files instead."
  }
  panel.hidden = false
})
addEventListener("beforeunload", (e) => { if (busy) e.preventDefault() })
