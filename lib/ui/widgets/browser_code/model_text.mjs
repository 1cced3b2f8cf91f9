// Draw what lib.ui.widgets.model_text sends: a text, a text that grows, a plain text, code, a JSON tree, a table.
import { codeBox, fill, make } from "./dom.mjs"
import { drawTable, drawTree } from "./json_view.mjs"
import { STYLE } from "./style.mjs"
import { TextView } from "./text_view.mjs"

const sheet = new CSSStyleSheet()
sheet.replaceSync(STYLE)
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]

const CONFIRM_EVERY = 300 // milliseconds
const PIECE = /"(?:[^"\\]|\\.)*"/g
const drawn = new WeakMap()

export function draw({ data, parentElement }) {
  const now = JSON.stringify(data)
  const before = drawn.get(parentElement)
  if (before?.data === now) return before.stop
  before?.stop?.()
  const root = before?.root ?? make("div", "model-text")
  if (!before) parentElement.append(root)
  const view = before?.view ?? (data.isPlain ? plainView(root) : new TextView(root))
  const entry = { data: now, root, view, stop: undefined }
  drawn.set(parentElement, entry)
  if (data.source !== undefined) entry.stop = follow(view, parentElement.closest(`.st-key-${CSS.escape(data.source)}`), data.feed)
  else if (data.tree !== undefined) drawTree(root, data.tree[0], data.expanded)
  else if (data.columns !== undefined) drawTable(root, data.columns, data.rows)
  else if (data.plain !== undefined) root.replaceChildren(fill(make("div", "plain"), data.plain))
  else if (data.code !== undefined) root.replaceChildren(codeBox(data.code, data.language))
  else view.show(data.text)
  return entry.stop
}

// A text that grows, without markup: what is there stays, so that a part that the user has selected stays selected.
function plainView(root) {
  const box = make("div", "plain")
  root.append(box)
  return {
    show: text => {
      const shown = box.textContent
      if (!text.startsWith(shown)) box.replaceChildren()
      const added = text.slice(box.textContent.length)
      if (added) box.append(added)
    },
  }
}

// Show the text that comes from a feed, and that Python writes, piece by piece, into a hidden container beside the view.
function follow(view, box, feed) {
  let fed = ""
  let written = ""
  let hasEnded = false
  const show = () => view.show(hasEnded || written.length > fed.length ? written : fed, hasEnded)
  const look = () => {
    const source = box.querySelector("[class*=st-key-model-text-source]")
    if (!source) return
    const content = source.textContent
    written = (content.match(PIECE) ?? []).map(piece => JSON.parse(piece)).join("")
    hasEnded = content.endsWith(".")
    show()
    observer.takeRecords()
  }
  const observer = new MutationObserver(look)
  observer.observe(box, { subtree: true, childList: true, characterData: true })
  look()
  const close = feed && readFeed(feed, text => {
    fed += text
    show()
  })
  return () => {
    observer.disconnect()
    close?.()
  }
}

// Call take with each part of the text of a feed, see lib.ui.shell.text_feed. If it breaks off, Python writes the text.
function readFeed(name, take) {
  const address = new URL(`../../texts/${name}`, import.meta.url)
  address.protocol = address.protocol.replace("http", "ws")
  const socket = new WebSocket(address)
  let received = 0
  let timer = 0
  const confirm = () => {
    timer = 0
    if (socket.readyState === WebSocket.OPEN) socket.send(received)
  }
  socket.onmessage = ({ data }) => {
    take(data)
    received += data.length
    // The first part is confirmed at once: Python then stops to write the text.
    if (received === data.length) confirm()
    else timer ||= setTimeout(confirm, CONFIRM_EVERY)
  }
  socket.onclose = () => clearTimeout(timer)
  return () => socket.close()
}
