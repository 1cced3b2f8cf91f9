// Draw what lib.ui.widgets.model_text sends: a text, a text that grows, a plain text, code, a JSON tree, a table.
import { codeBox, fill, make } from "./dom.mjs"
import { drawTable, drawTree } from "./json_view.mjs"
import { STYLE } from "./style.mjs"
import { TextView } from "./text_view.mjs"

const sheet = new CSSStyleSheet()
sheet.replaceSync(STYLE)
document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]

const PIECE = /"(?:[^"\\]|\\.)*"/g
const drawn = new WeakMap()

export function draw({ data, parentElement }) {
  const now = JSON.stringify(data)
  const before = drawn.get(parentElement)
  if (before?.data === now) return before.stop
  before?.stop?.()
  const root = before?.root ?? make("div", "model-text")
  if (!before) parentElement.append(root)
  const view = before?.view ?? new TextView(root)
  const entry = { data: now, root, view, stop: undefined }
  drawn.set(parentElement, entry)
  if (data.source !== undefined) entry.stop = follow(view, parentElement.closest(`.st-key-${CSS.escape(data.source)}`))
  else if (data.tree !== undefined) drawTree(root, data.tree, data.expanded)
  else if (data.columns !== undefined) drawTable(root, data.columns, data.rows)
  else if (data.plain !== undefined) root.replaceChildren(fill(make("div", "plain"), data.plain))
  else if (data.code !== undefined) root.replaceChildren(codeBox(data.code, data.language))
  else view.show(data.text)
  return entry.stop
}

// Show the text that Python writes, piece by piece, into a hidden container beside the view.
function follow(view, box) {
  const look = () => {
    const source = box.querySelector("[class*=st-key-model-text-source]")
    if (!source) return
    const written = source.textContent
    const text = (written.match(PIECE) ?? []).map(piece => JSON.parse(piece)).join("")
    view.show(text, written.endsWith("."))
    observer.takeRecords()
  }
  const observer = new MutationObserver(look)
  observer.observe(box, { subtree: true, childList: true, characterData: true })
  look()
  return () => observer.disconnect()
}
