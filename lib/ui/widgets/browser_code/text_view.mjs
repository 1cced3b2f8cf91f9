// A text that grows: what is finished stays as it is drawn, only its last block is parsed and drawn again.
import { build, patch } from "./dom.mjs"
import { makeParser } from "./markdown.mjs"

const parser = makeParser()
// A last line that may still become something else, and would flash if it were drawn.
const UNSURE = /^(?:[ \t>*+-]|\d{1,9}[.)](?=[ \t]))*(?:`{1,}[^`\s]*|~{1,}[^~\s]*|-+|=+|[*_]+|\|[ \t:|-]*|[+>]|#{1,6})?$/
// What follows the "](" of a link whose bracket is still open: an address, perhaps in <…>, and perhaps a title.
// It begins with no space: with spaces at two places, a search through many of them would take seconds.
const OPEN_TARGET = /^<?([^\s<>]*)>?(?:[ \t]+(?:"[^"\n]*"?|'[^'\n]*'?)?)?$/
// Other addresses are no links: markdown.mjs.
const LINKED_SCHEMES = ["https://", "http://", "mailto:"]
// Stands for the address of such a link.
const PLACEHOLDER = "https://unfinished.invalid"
// Marks in an address are no markup.
const ADDRESS = /\]\([^\s()]*(?:\([^\s()]*\)[^\s()]*)*\)?|https?:\/\/[^\s*]*[^\s*_]/g
const CODE_SPAN = /(?<!`)(`+)(?!`)(?:[^`]|(?!(?<!`)\1(?!`))`)*?(?<!`)\1(?!`)/g

export class TextView {
  #root
  #text = ""
  #ended = false
  // The finished part of the text: how many characters and how many elements it has.
  #doneChars = 0
  #doneNodes = 0

  constructor(root) {
    this.#root = root
    root.addEventListener("click", copyCode)
  }

  // Add text at the end.
  append(text) {
    this.show(this.#text + text, false)
  }

  // Show this text; hasEnded: no more will come.
  show(given, hasEnded = true) {
    const text = given.replace(/\r\n?/g, "\n")
    if (text === this.#text && hasEnded === this.#ended) return
    if (!text.startsWith(this.#text)) this.#restart()
    this.#text = text
    this.#ended = hasEnded
    this.#draw()
  }

  #restart() {
    this.#doneChars = this.#doneNodes = 0
  }

  #draw() {
    let [tokens, hasReferences] = this.#parse()
    // A reference changes links that stand before it.
    if (hasReferences && this.#doneChars) {
      this.#restart()
      tokens = this.#parse()[0]
    }
    patch(this.#root, build(tokens), this.#doneNodes)
    if (!hasReferences) this.#finish(tokens)
  }

  #parse() {
    const tail = this.#text.slice(this.#doneChars)
    const references = {}
    const parse = text => parser.parse(text, { references })
    if (this.#ended) return [parse(tail), Object.keys(references).length > 0]
    const sure = holdBack(tail)
    let tokens = parse(sure)
    if (tokens.findLast(token => !token.nesting)?.type === "inline") {
      const linked = closeLink(sure)
      const linkedTokens = linked === sure ? [] : parse(closeMarkup(linked))
      const closed = closeMarkup(sure)
      if (dropPlaceholder(linkedTokens)) tokens = linkedTokens
      else if (closed !== sure) tokens = parse(closed)
    }
    return [tokens, Object.keys(references).length > 0]
  }

  // A block is finished once another one has begun in a whole line after it.
  #finish(tokens) {
    const lines = this.#text.slice(this.#doneChars).split("\n")
    const starts = tokens.filter(token => token.level === 0 && token.nesting >= 0 && token.map).map(token => token.map[0])
    const count = starts.findLastIndex(line => line < lines.length - 1)
    if (count <= 0) return
    this.#doneNodes += count
    this.#doneChars += lines.slice(0, starts[count]).join("\n").length + 1
  }
}

// Return an unfinished text without a last line that may still become something else.
function holdBack(text) {
  const start = text.lastIndexOf("\n") + 1
  return UNSURE.test(text.slice(start)) ? text.slice(0, start) : text
}

// Close a code span or emphasis that is open in the last line, so that it looks as it will in the end.
function closeMarkup(text) {
  const outside = text.slice(text.lastIndexOf("\n") + 1).replace(CODE_SPAN, "").replace(ADDRESS, "")
  if (outside.includes("`")) return text.endsWith("`") ? text.replace(/`+$/, "") : `${text}\``
  for (const mark of ["**", "__"]) {
    if (outside.split(mark).length % 2) continue
    const trimmed = text.trimEnd()
    return trimmed.endsWith(mark) ? trimmed.slice(0, -2) : trimmed + mark
  }
  return text
}

// Put the placeholder in the place of the address of a link at the end whose bracket is still open.
function closeLink(text) {
  const bracket = text.lastIndexOf("](")
  const rest = text.slice(bracket + 2).replace(/^[ \t]+/, "")
  const address = bracket < 0 ? undefined : OPEN_TARGET.exec(rest)?.[1].toLowerCase()
  if (address === undefined || address.split(")").length > address.split("(").length) return text
  if (!LINKED_SCHEMES.some(scheme => scheme.startsWith(address) || address.startsWith(scheme))) return text
  return `${text.slice(0, bracket)}](${PLACEHOLDER})`
}

// Remove the placeholder from its link or image. Return false if it is not an address: in code, for example.
function dropPlaceholder(tokens) {
  const parts = tokens.findLast(token => token.type === "inline")?.children ?? []
  // The text of a link may be an image.
  const token = parts.findLast(part => part.attrGet(addressName(part)) === PLACEHOLDER)
  if (!token) return false
  token.attrs = token.attrs.filter(([attribute]) => attribute !== addressName(token))
  return true
}

const addressName = token => (token.type === "image" ? "src" : "href")

async function copyCode(event) {
  const button = event.target.closest?.("button.copy")
  if (!button) return
  const code = button.parentElement.querySelector("code")
  try {
    await navigator.clipboard.writeText(code.textContent)
  } catch {
    // Without HTTPS a browser has no clipboard for pages: select the code, and copy the selection.
    const selection = getSelection()
    selection.selectAllChildren(code)
    document.execCommand("copy")
    selection.removeAllRanges()
  }
  button.classList.add("copied")
  button.setAttribute("aria-label", "Copied")
  setTimeout(() => {
    button.classList.remove("copied")
    button.setAttribute("aria-label", "Copy code")
  }, 1500)
}
