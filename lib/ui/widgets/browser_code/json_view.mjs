// Draw JSON as a tree, and rows as a table. Numbers come as they were written: JavaScript would round them.
import { fill, make, scrollArea } from "./dom.mjs"

// value: a string is a text, {o: [[name, value], …]} an object, {a: [value, …]} a list, {l: "1.0"} anything else.
export function drawTree(root, value, expanded) {
  const list = make("ul", "json")
  list.append(entry("", value, expanded))
  root.replaceChildren(list)
}

function entry(name, value, expanded) {
  const item = make("li")
  const label = name === "" ? [] : [fill(make("span", "name"), name), ": "]
  const entries = value.o ?? value.a?.map((part, index) => [index, part])
  if (!entries?.length) {
    item.append(...label, leaf(value))
    return item
  }
  const details = make("details")
  const summary = make("summary")
  const [open, close, word] = value.o ? ["{", "}", "field"] : ["[", "]", "item"]
  const count = `${open} ${entries.length.toLocaleString("en")} ${word}${entries.length > 1 ? "s" : ""} ${close}`
  summary.append(...label, fill(make("span", "count"), count))
  details.append(summary)
  // A closed part is drawn when it is opened: an answer may have thousands.
  const drawParts = () => {
    if (details.childElementCount > 1) return
    const parts = make("ul")
    parts.append(...entries.map(([name, part]) => entry(value.o ? JSON.stringify(name) : String(name), part, expanded - 1)))
    details.append(parts)
  }
  details.addEventListener("toggle", drawParts)
  if (expanded > 0) {
    drawParts()
    details.open = true
  }
  item.append(details)
  return item
}

function leaf(value) {
  if (typeof value === "string") return fill(make("span", "text"), JSON.stringify(value))
  if (value.l !== undefined) return fill(make("span", "literal"), value.l)
  return fill(make("span", "count"), value.o ? "{ }" : "[ ]")
}

export function drawTable(root, columns, rows) {
  const area = scrollArea("Table")
  const table = make("table")
  const line = (name, cells) => {
    const row = make("tr")
    row.append(...cells.map(text => fill(make(name), text)))
    return row
  }
  const head = make("thead")
  head.append(line("th", columns))
  const body = make("tbody")
  body.append(...rows.map(cells => line("td", cells)))
  table.append(head, body)
  area.append(table)
  root.replaceChildren(area)
}
