// This example lists all transcriptions of a workspace, searches for a word, and
// downloads the first hit as Markdown and up to 100 transcriptions as one ZIP:
//
//     MEMO_URL=http://127.0.0.1:8080 MEMO_API_KEY=mk_live_… node memo.mts salary
//
// It needs no packages. Node.js 22.18 or newer runs it directly. For Node.js 20,
// compile it first, for example: npx esbuild memo.mts --outfile=memo.mjs
import { createWriteStream } from "node:fs"
import { rename, rm, stat } from "node:fs/promises"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { setTimeout as sleep } from "node:timers/promises"

const { MEMO_URL, MEMO_API_KEY } = process.env
const api = `${MEMO_URL?.replace(/\/$/, "")}/api/v1/developer`

interface Transcription {
  id: string
  title: string
  created_at: string
}

interface Page {
  items: Transcription[]
  next_cursor: string | null
}

/** Returns a response with status 200. While the server responds 429 or 503, it
 * waits and tries again, five times in all. */
async function call(method: string, path: string, body?: unknown): Promise<Response> {
  for (let attempt = 1; ; attempt++) {
    const response = await fetch(api + path, {
      method,
      headers: { Authorization: `Bearer ${MEMO_API_KEY}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: "error", // the key is for MEMO_URL only
    })
    if (response.status === 200) return response
    const text = await response.text()
    if (![429, 503].includes(response.status) || attempt === 5) {
      throw new Error(`HTTP ${response.status}: ${detail(text)}`)
    }
    await sleep((Number(response.headers.get("Retry-After")) || 2) * 1000)
  }
}

/** Returns the detail of an error, which is a string, an object or a list. */
function detail(text: string): string {
  try {
    const { detail } = JSON.parse(text) as { detail: unknown }
    return typeof detail === "string" ? detail : JSON.stringify(detail)
  } catch {
    return text
  }
}

/** Returns all transcriptions that match the filters, page after page. */
async function list(filters: Record<string, string> = {}): Promise<Transcription[]> {
  const all: Transcription[] = []
  const query = new URLSearchParams({ ...filters, limit: "100" })
  for (;;) {
    const page = (await (await call("GET", `/transcriptions?${query}`)).json()) as Page
    all.push(...page.items)
    if (page.next_cursor === null) return all
    query.set("cursor", page.next_cursor)
  }
}

/** Downloads a file. It renames the file only when it is complete, because the
 * server closes the connection early if it cannot finish a ZIP. */
async function save(name: string, method: string, path: string, body?: unknown): Promise<void> {
  const response = await call(method, path, body)
  const part = `${name}.part`
  try {
    await pipeline(Readable.from(response.body!), createWriteStream(part))
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
  await rename(part, name)
  console.log(`saved ${name} (${(await stat(name)).size} bytes)`)
}

async function main(word: string): Promise<void> {
  const all = await list()
  for (const t of all) console.log(t.created_at.slice(0, 10), t.title)
  const found = await list({ q: word })
  console.log(`${all.length} transcriptions, ${found.length} found`)
  if (found.length === 0) return
  console.log("first hit:", found[0].title)
  await save("hit.md", "GET", `/transcriptions/${found[0].id}/export?format=md`)
  const ids = all.slice(0, 100).map((t) => t.id) // the maximum for one call
  await save("all.zip", "POST", "/transcriptions/export", { ids, format: "md" })
}

if (!MEMO_URL || !MEMO_API_KEY || process.argv.length !== 3) {
  console.error("usage: MEMO_URL=… MEMO_API_KEY=… node memo.mts WORD")
  process.exit(2)
}
try {
  await main(process.argv[2])
} catch (error) {
  const { message, cause } = error as Error
  console.error(`memo: ${message}${cause instanceof Error ? `: ${cause.message}` : ""}`)
  process.exit(1)
}
