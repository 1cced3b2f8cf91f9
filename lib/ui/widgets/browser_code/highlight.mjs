// Colour code roughly, for any language: comments, texts, numbers and words that many languages reserve.
const MAX_CHARS = 20_000
const HASH = "bash sh shell zsh console python py ruby rb yaml yml toml perl r dockerfile makefile elixir nix powershell ps1"
const DASHES = "sql lua haskell hs ada"
const PLAIN = new Set(["", "text", "txt", "plain", "plaintext", "markdown", "md", "output", "diff", "csv"])
const WORDS = new Set(
  (
    "abstract and as assert async await begin bool boolean break by case catch char class const continue def default " +
    "del delete do double echo elif else elseif end enum esac except export extends extern false False fi final " +
    "finally float fn for foreach from func function global go goto if impl implements import in include inline int " +
    "interface is let local long loop match mod module mut namespace new nil None nonlocal not null NULL or package " +
    "pass private protected pub public raise readonly record require return select self Self short signed static " +
    "string struct super switch then this throw trait true True try type typedef typeof union unsafe unsigned until " +
    "use using val var virtual void when where while with yield " +
    "SELECT FROM WHERE INSERT INTO UPDATE DELETE CREATE TABLE ALTER DROP JOIN LEFT RIGHT INNER OUTER ON GROUP BY " +
    "ORDER HAVING LIMIT VALUES SET AND OR NOT NULL AS DISTINCT UNION PRIMARY KEY"
  ).split(" "),
)
const BODY = String.raw`(?<text>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|${"`"}(?:[^${"`"}\\]|\\[^])*${"`"})|(?<number>\b\d[\w.]*)|(?<word>[\p{L}_$][\p{L}\p{N}_$]*)`
const C_COMMENT = String.raw`\/\/.*|\/\*[^]*?(?:\*\/|$)`
const patterns = new Map()

// Return the code as text nodes and spans.
export function highlight(code, language) {
  if (PLAIN.has(language) || code.length > MAX_CHARS) return code ? [code] : []
  const nodes = []
  let end = 0
  for (const match of code.matchAll(pattern(language))) {
    const { comment, text, number, word } = match.groups
    const kind = comment ? "comment" : text ? "text" : number ? "number" : WORDS.has(word) ? "keyword" : ""
    if (!kind) continue
    if (match.index > end) nodes.push(code.slice(end, match.index))
    const span = document.createElement("span")
    span.className = `token ${kind}`
    span.textContent = match[0]
    nodes.push(span)
    end = match.index + match[0].length
  }
  if (end < code.length) nodes.push(code.slice(end))
  return nodes
}

function pattern(language) {
  const comment = HASH.split(" ").includes(language)
    ? String.raw`(?<![^\s])#.*`
    : DASHES.split(" ").includes(language)
      ? `--.*|${C_COMMENT}`
      : ["html", "xml", "svg"].includes(language)
        ? "<!--[^]*?(?:-->|$)"
        : C_COMMENT
  if (!patterns.has(comment)) patterns.set(comment, new RegExp(`(?<comment>${comment})|${BODY}`, "gu"))
  return patterns.get(comment)
}
