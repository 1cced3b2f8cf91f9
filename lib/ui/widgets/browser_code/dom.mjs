// Draw Markdown tokens as elements. Only the elements named here are made, and never from HTML.
import { highlight } from "./highlight.mjs"

// A page has one h1 and Paddock's own headings below it, so a model's headings begin at the third level.
const ELEMENTS = {
  paragraph_open: "p",
  blockquote_open: "blockquote",
  bullet_list_open: "ul",
  ordered_list_open: "ol",
  list_item_open: "li",
  thead_open: "thead",
  tbody_open: "tbody",
  tr_open: "tr",
  th_open: "th",
  td_open: "td",
  em_open: "em",
  strong_open: "strong",
  s_open: "s",
}
const ALIGNMENT = /^text-align:(left|center|right)$/

// Return a fragment with the elements of a text's tokens.
export function build(tokens) {
  const fragment = draw(tokens)
  // Each block goes from right to left if its first letter does; what is inside it: see the style sheet.
  for (const block of fragment.children) if (!block.dir) block.dir = "auto"
  return fragment
}

function draw(tokens) {
  const fragment = document.createDocumentFragment()
  const open = [fragment]
  const numbers = writtenNumbers(tokens)
  for (const token of tokens) {
    if (token.hidden) continue
    const parent = open.at(-1)
    if (token.nesting < 0) {
      open.pop()
      if (token.type === "link_close" && !parent.childNodes.length) parent.append(parent.getAttribute("href") ?? "")
    } else if (token.nesting > 0) {
      const element = openElement(token, numbers)
      let outer = element
      if (token.type === "table_open") {
        outer = scrollArea("Table")
        outer.append(element)
      }
      parent.append(outer)
      open.push(element)
    } else drawLeaf(token, parent)
  }
  return fragment
}

function openElement(token, numbers) {
  if (token.type === "heading_open") return make(`h${Math.min(Number(token.tag[1]) + 2, 6)}`, `level${token.tag[1]}`)
  if (token.type === "table_open") return make("table")
  if (token.type === "link_open") return link(token.attrGet("href"), token.attrGet("title"))
  const element = make(ELEMENTS[token.type] ?? "span")
  if (token.type === "list_item_open" && numbers.has(token)) element.value = numbers.get(token)
  const alignment = ALIGNMENT.exec(token.attrGet("style") ?? "")
  if (alignment) element.style.textAlign = alignment[1]
  return element
}

function drawLeaf(token, parent) {
  switch (token.type) {
    case "inline":
      return parent.append(draw(token.children))
    case "softbreak":
      return parent.append("\n")
    case "hardbreak":
      return parent.append(make("br"))
    case "hr":
      return parent.append(make("hr"))
    case "code_inline":
      return parent.append(fill(make("code"), token.content))
    case "formula":
      return parent.append(fill(make("span", "formula"), token.content))
    case "formula_block":
      return parent.append(fill(make("p", "formula"), token.content))
    case "fence":
    case "code_block":
      return parent.append(codeBox(token.content.replace(/\n$/, ""), token.info.trim().split(/[\s{]/)[0]))
    case "image":
      return parent.append(image(token, parent))
    default:
      // Adjacent texts become one node, so that a line that grows is not torn apart.
      if (parent.lastChild?.nodeType === Node.TEXT_NODE) parent.lastChild.data += token.content
      else if (token.content) parent.append(token.content)
  }
}

// The numbers of list items, where they do not simply count up: a countdown must not be shown as 10, 11, 12. A list of
// nothing but "1." counts up, as its writer means.
function writtenNumbers(tokens) {
  const numbers = new Map()
  const lists = []
  for (const token of tokens) {
    if (token.type === "ordered_list_open") lists.push([])
    else if (token.type === "bullet_list_open") lists.push(null)
    else if (token.type === "list_item_open") lists.at(-1)?.push(token)
    else if (token.type === "ordered_list_close" || token.type === "bullet_list_close") {
      const items = lists.pop() ?? []
      const repeats = items.length > 1 && items.every(item => item.info === items[0].info)
      items.forEach((item, index) => numbers.set(item, repeats ? Number(items[0].info) + index : Number(item.info)))
    }
  }
  return numbers
}

// An image is not fetched. It is a link to it, or its text alone inside a link.
function image(token, parent) {
  const text = token.content || token.attrGet("src") || ""
  if (parent.closest?.("a")) return document.createTextNode(text)
  const anchor = link(token.attrGet("src"), "An image that was not loaded")
  anchor.append(text)
  return anchor
}

// While it streams, a link without a complete address leads nowhere.
function link(address, title) {
  const anchor = make("a")
  if (!address) return anchor
  anchor.setAttribute("href", address)
  anchor.title = title ? `${title}\n${address}` : address
  anchor.target = "_blank"
  anchor.rel = "noopener noreferrer nofollow"
  return anchor
}

// Return a box with code, its language, and a button that copies it; text_view.mjs handles its click.
export function codeBox(code, language) {
  const box = make("div", "code")
  box.dir = "ltr"
  const button = make("button", "copy")
  button.type = "button"
  button.setAttribute("aria-label", "Copy code")
  button.title = "Copy"
  const area = make("pre")
  const content = make("code")
  if (language) content.dataset.language = language
  content.append(...highlight(code, language.toLowerCase()))
  area.append(content)
  box.append(button, area)
  return box
}

// Return an element that scrolls by itself and can be reached with the keyboard.
export function scrollArea(label) {
  const area = make("div", "table")
  area.tabIndex = 0
  area.setAttribute("role", "group")
  area.setAttribute("aria-label", label)
  return area
}

export function make(name, className) {
  const element = document.createElement(name)
  if (className) element.className = className
  return element
}

export function fill(element, text) {
  element.textContent = text
  return element
}

// Change the children of a parent, from an index on, into those of a fragment, and leave alike ones in place: what the
// reader has selected or scrolled stays.
export function patch(parent, fragment, index = 0) {
  for (const fresh of [...fragment.childNodes]) {
    const old = parent.childNodes[index++]
    if (!old) parent.append(fresh)
    else if (old.isEqualNode(fresh)) continue
    else if (old.nodeType === Node.TEXT_NODE && fresh.nodeType === Node.TEXT_NODE) replaceText(old, fresh.data)
    else if (old.cloneNode(false).isEqualNode(fresh.cloneNode(false))) patch(old, fresh)
    else old.replaceWith(fresh)
  }
  while (parent.childNodes.length > index) parent.lastChild.remove()
}

function replaceText(node, text) {
  if (text.startsWith(node.data)) node.appendData(text.slice(node.data.length))
  else node.data = text
}
