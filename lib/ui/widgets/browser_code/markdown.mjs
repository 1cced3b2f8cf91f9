// Parse Markdown as CommonMark and GFM tables do, with the exceptions that a model's text needs.
import MarkdownIt from "./markdown-it.mjs"

const MAX_NESTING = 100
// Scripts that are written without spaces: an address or an emphasis ends right before them.
const SPACELESS =
  "\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}\\p{Script=Bopomofo}" +
  "\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}\\u3000-\\u303f\\uff00-\\uffef"
const SPACELESS_CHARACTER = new RegExp(`[${SPACELESS}]`, "u")
// A bare address has no quotation marks, and of punctuation only that of ASCII.
const ADDRESS_CHARACTER = `(?:[!#-;=?-\\[\\]-_a-~]|(?![${SPACELESS}\\p{P}])[^\\s\\x00-\\x7f])`
const BARE_ADDRESS = new RegExp(`^https?://${ADDRESS_CHARACTER}+`, "iu")
const WWW_ADDRESS = new RegExp(`(?<![\\w@/.:-])www\\.[a-z0-9]${ADDRESS_CHARACTER}*`, "giu")
const MAILBOX_BEFORE = /[a-z0-9][a-z0-9._+-]*$/i
// Not git@host:path, which is no mailbox.
const MAILBOX_DOMAIN = /^@(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](?![\w-]|[:/]\S)/i
const BREAK_TAG = /<br\s*\/?>/gi

export function makeParser() {
  const parser = new MarkdownIt({ html: false, linkify: false, maxNesting: MAX_NESTING + 10 })
  // The browser resolves an address itself. Any other form of it could differ from what the model wrote.
  parser.normalizeLink = address => address
  parser.normalizeLinkText = text => text
  parser.validateLink = address => /^(https?:\/\/[^\s/]|mailto:[^\s])/i.test(address)
  parser.inline.State = SpacelessState
  parser.inline.ruler.before("escape", "formula", formula)
  parser.inline.ruler.after("autolink", "bare_address", bareAddress)
  parser.inline.ruler.after("bare_address", "mailbox", mailbox)
  parser.block.ruler.before("paragraph", "formula_block", formulaBlock)
  parser.core.ruler.before("text_join", "break_tag", breakTagsInTables)
  parser.core.ruler.after("text_join", "www_address", wwwAddresses)
  keepDeepText(parser)
  return parser
}

const plainState = new MarkdownIt().inline.State

// Emphasis beside a script without spaces: CommonMark's rule wants a space where such a script has none.
class SpacelessState extends plainState {
  scanDelims(start, canSplitWord) {
    const found = super.scanDelims(start, canSplitWord)
    if (!canSplitWord) return found
    const before = lastCharacter(this.src.slice(Math.max(start - 2, 0), start))
    const after = String.fromCodePoint(this.src.codePointAt(start + found.length) ?? 32)
    if (SPACELESS_CHARACTER.test(before) && /\S/.test(after)) found.can_open = true
    if (SPACELESS_CHARACTER.test(after) && /\S/.test(before)) found.can_close = true
    return found
  }
}

const lastCharacter = text => [...text].at(-1) ?? " "

// Formulas keep their backslashes: \( … \), \[ … \] and $$ … $$. A single dollar is a dollar.
function formula(state, silent) {
  const [opener, closer] = delimiters(state.src, state.pos)
  if (!opener) return false
  const end = state.src.indexOf(closer, state.pos + 2)
  if (end < 0 || end + 2 > state.posMax || !/[\p{L}\p{N}]/u.test(state.src.slice(state.pos, end))) return false
  if (opener === "$$" && !/[\\^_=]/.test(state.src.slice(state.pos, end))) return false
  if (!silent) state.push("formula", "", 0).content = state.src.slice(state.pos, end + 2)
  state.pos = end + 2
  return true
}

function delimiters(source, position) {
  for (const pair of [["\\(", "\\)"], ["\\[", "\\]"], ["$$", "$$"]]) if (source.startsWith(pair[0], position)) return pair
  return []
}

// A formula on lines of its own, in which "- x" is no list.
function formulaBlock(state, start, end, silent) {
  if (silent || state.sCount[start] - state.blkIndent >= 4) return false
  const first = state.src.slice(state.bMarks[start] + state.tShift[start], state.eMarks[start])
  const [opener, closer] = delimiters(first, 0)
  if (!opener || opener === "\\(") return false
  for (let line = start; line < end && !state.isEmpty(line); line++) {
    if (state.sCount[line] < state.blkIndent) return false
    const begin = state.bMarks[line] + state.tShift[line] + (line === start ? 2 : 0)
    if (!state.src.slice(begin, state.eMarks[line]).trimEnd().endsWith(closer)) continue
    state.line = line + 1
    const token = state.push("formula_block", "", 0)
    token.content = state.getLines(start, state.line, state.blkIndent, false).trim()
    token.map = [start, state.line]
    return true
  }
  return false
}

function bareAddress(state, silent) {
  if (state.linkLevel > 0 || !state.src.startsWith("://", state.pos)) return false
  const scheme = /(?<![a-z0-9])https?$/i.exec(state.pending)?.[0]
  if (!scheme) return false
  const start = state.pos - scheme.length
  const address = trimAddress(BARE_ADDRESS.exec(state.src.slice(start, state.posMax))?.[0] ?? "")
  if (!state.md.validateLink(address)) return false
  if (!silent) {
    state.pending = state.pending.slice(0, -scheme.length)
    pushLink(state, address, address)
  }
  state.pos = start + address.length
  return true
}

function mailbox(state, silent) {
  if (state.linkLevel > 0 || state.src[state.pos] !== "@") return false
  const name = MAILBOX_BEFORE.exec(state.src.slice(0, state.pos))?.[0]
  const domain = name && state.pending.endsWith(name) && MAILBOX_DOMAIN.exec(state.src.slice(state.pos, state.posMax))?.[0]
  if (!domain) return false
  if (!silent) {
    state.pending = state.pending.slice(0, -name.length)
    pushLink(state, `mailto:${name}${domain}`, name + domain)
  }
  state.pos += domain.length
  return true
}

function pushLink(state, address, text) {
  state.push("link_open", "a", 1).attrs = [["href", address]]
  state.push("text", "", 0).content = text
  state.push("link_close", "a", -1)
}

// The end of a sentence is not part of the address in it, nor is a bracket that opened before it.
function trimAddress(address) {
  for (;;) {
    const last = address.at(-1)
    const opener = { ")": "(", "]": "[", "}": "{" }[last]
    const isLoose = opener && address.split(last).length > address.split(opener).length
    if (!isLoose && !/[?!.,:;*_~'|&]$/.test(address)) return address
    address = address.slice(0, -1)
  }
}

// Replace parts of the plain text of inline tokens; make(match) returns the tokens for a part.
function replaceInText(state, tokens, pattern, make) {
  const result = []
  let links = 0
  for (const token of tokens) {
    links += { link_open: 1, link_close: -1 }[token.type] ?? 0
    if (token.type !== "text" || links || token.content.search(pattern) < 0) {
      result.push(token)
      continue
    }
    let end = 0
    for (const match of token.content.matchAll(pattern)) {
      result.push(textToken(state, token.content.slice(end, match.index)), ...make(match))
      end = match.index + match[0].length
    }
    result.push(textToken(state, token.content.slice(end)))
  }
  return result
}

function textToken(state, text) {
  const token = new state.Token("text", "", 0)
  token.content = text
  return token
}

function breakTagsInTables(state) {
  let isCell = false
  for (const token of state.tokens) {
    if (token.type === "td_open" || token.type === "th_open") isCell = true
    else if (token.type !== "inline") isCell = false
    else if (isCell)
      token.children = replaceInText(state, token.children, BREAK_TAG, () => [new state.Token("hardbreak", "br", 0)])
  }
}

function wwwAddresses(state) {
  for (const token of state.tokens)
    if (token.type === "inline" && /www\./i.test(token.content))
      token.children = replaceInText(state, token.children, WWW_ADDRESS, ([found]) => {
        const address = trimAddress(found)
        const open = new state.Token("link_open", "a", 1)
        open.attrs = [["href", `http://${address}`]]
        const rest = textToken(state, found.slice(address.length))
        return [open, textToken(state, address), new state.Token("link_close", "a", -1), rest]
      })
}

// markdown-it drops blocks that are nested too deeply; here their lines become a paragraph.
function keepDeepText(parser) {
  const tokenize = parser.block.tokenize
  parser.block.tokenize = function (state, start, end) {
    if (state.level < MAX_NESTING) return tokenize.call(this, state, start, end)
    state.push("paragraph_open", "p", 1).map = [start, end]
    const inline = state.push("inline", "", 0)
    inline.content = state.getLines(start, end, state.blkIndent, false).trim()
    inline.map = [start, end]
    inline.children = []
    state.push("paragraph_close", "p", -1)
    state.line = end
  }
}
