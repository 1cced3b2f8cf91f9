// Repairs of Streamlit's page for keyboards and assistive technology. lib/ui/shell/accessibility.py loads it, and says
// why each part is needed.

const PATIENCE = 120 // milliseconds after a change of the page until it is repaired
const FOCUSABLE = "a[href], button:not([disabled]), input:not([disabled]), textarea:not([disabled]), select, summary, [tabindex='0']"
const NARROW = matchMedia("(max-width: 768px)")

let words = {}
let skipLinks, shortcutList, announcer

export function start(data) {
  const isFirst = !skipLinks
  words = data
  if (isFirst) {
    skipLinks = add("nav", "paddock-skip-links", "aria-label", data.skip)
    shortcutList = add("dialog", "paddock-shortcuts", "aria-label", data.list)
    announcer = add("div", "paddock-announcer", "role", "status")
    drawSkipLinks()
    drawShortcuts()
    document.addEventListener("keydown", pressKey, true)
    document.addEventListener("click", chooseLink)
    new MutationObserver(changes => { if (changes.some(isOfPage)) repairSoon() }).observe(document.body, {
      childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["class", "aria-valuenow", "open"],
    })
    addEventListener("resize", repairSoon)
  }
  repairSoon()
}

function add(tag, id, attribute, value) {
  const part = document.createElement(tag)
  part.id = id
  part.setAttribute(attribute, value)
  // Before the page in the order of the Tab key; React knows nothing of it.
  document.body.prepend(part)
  return part
}

const find = (selector, within = document) => within.querySelector(selector)
const all = (selector, within = document) => [...within.querySelectorAll(selector)]
const isShown = part => part.checkVisibility({ visibilityProperty: true })

// ---- Skip links ----

function drawSkipLinks() {
  for (const [selector, text] of words.links) {
    const link = document.createElement("button")
    link.textContent = text
    link.onclick = () => goTo(selector)
    skipLinks.append(link)
  }
  const link = document.createElement("button")
  link.textContent = words.list
  link.onclick = () => shortcutList.showModal()
  skipLinks.append(link)
}

function goTo(selector) {
  const sidebar = find("[data-testid=stExpandSidebarButton]")
  if (selector.includes("stSidebar") && sidebar) sidebar.click()
  const place = find(selector)
  if (!place) return
  // A sidebar that slides in cannot take the focus at once.
  const end = Date.now() + 2000
  const look = () => {
    const target = place.matches(FOCUSABLE) ? place : all(FOCUSABLE, place).find(isShown)
    target?.focus()
    if (document.activeElement !== target && Date.now() < end) requestAnimationFrame(look)
  }
  look()
}

// ---- Shortcuts ----

function drawShortcuts() {
  const title = document.createElement("h2"), table = document.createElement("dl"), close = document.createElement("button")
  title.textContent = words.list
  for (const [keys, text] of words.shortcuts) {
    const name = document.createElement("dt"), key = document.createElement("kbd"), meaning = document.createElement("dd")
    key.textContent = keys
    meaning.textContent = text
    name.append(key)
    table.append(name, meaning)
  }
  close.textContent = words.close
  close.onclick = () => shortcutList.close()
  shortcutList.append(title, table, close)
}

function pressKey(event) {
  const typing = event.target.matches?.("input:not([type=range], [type=checkbox], [type=radio]), textarea, [contenteditable]")
  if (event.key === "?" && !typing && !event.ctrlKey && !event.altKey && !event.metaKey && !shortcutList.open) {
    event.preventDefault()
    shortcutList.showModal()
  }
  if (!event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return
  // By the key's place: with Alt some systems make other characters.
  const place = words.links.find(([, , code]) => code === event.code)
  if (place && find(place[0])) {
    event.preventDefault()
    goTo(place[0])
  }
  const number = /^Digit([1-9])$/.exec(event.code)
  const link = number && all("[data-testid=stTopNavLink], [data-testid=stSidebarNavLink]")[number[1] - 1]
  if (link) {
    event.preventDefault()
    link.click()
  }
}

function chooseLink(event) {
  const link = event.target.closest?.("[data-testid=stSidebarNavLink]")
  if (link && NARROW.matches) find("[data-testid=stSidebarCollapseButton] button")?.click()
}

// ---- Repairs ----

// What may scroll, and must then be reached with the Tab key: code, rows that are wider than the screen, texts of a
// fixed height.
const SCROLLING = "[data-testid=stCode] pre, [data-testid=stVerticalBlock], [data-testid=stHorizontalBlock], [data-testid=stHtml] :is(pre, .scroll)"
// An answer that streams changes up to twenty times a second, and nothing in its text is repaired.
const STREAMING = ".model-text, [class*=st-key-model-text-source]"
// Safari has no idle callbacks.
const whenIdle = window.requestIdleCallback ?? (work => setTimeout(work))
let timer = 0
let isToBeMeasured = false

function isOfPage({ target }) {
  return !(target.closest ? target : target.parentElement)?.closest(STREAMING)
}

function repairSoon() {
  timer ||= setTimeout(() => {
    timer = 0
    repair()
  }, PATIENCE)
}

function set(part, name, value) {
  if (part && part.getAttribute(name) !== value) part.setAttribute(name, value)
}

function repair() {
  const said = find(".st-key-announcement")?.textContent ?? ""
  if (announcer.textContent !== said) announcer.textContent = said
  for (const button of all("[data-testid=stExpandSidebarButton]")) {
    set(button, "aria-label", NARROW.matches ? words.menu : words.expand)
  }
  for (const bar of all("[data-testid=stProgress] [role=progressbar]")) {
    set(bar, "aria-label", bar.closest("[data-testid=stProgress]").innerText)
  }
  words.links.forEach(([selector], number) => { skipLinks.children[number].hidden = !find(selector) })
  if (isToBeMeasured) return
  isToBeMeasured = true
  whenIdle(measure, { timeout: 500 })
}

// Do what makes the browser lay out the page, which waits until nothing else is to be drawn.
function measure() {
  isToBeMeasured = false
  // Dialogs and popovers are outside of what Streamlit gives its colour scheme to.
  const app = find(".stApp")
  if (app) document.documentElement.style.colorScheme = getComputedStyle(app).colorScheme
  for (const part of all(SCROLLING)) {
    const scrolls = part.scrollHeight > part.clientHeight + 1 || part.scrollWidth > part.clientWidth + 1
    if (!scrolls || part.tabIndex === 0 || !/auto|scroll/.test(getComputedStyle(part).overflow)) continue
    if (!find(FOCUSABLE, part)) part.tabIndex = 0
  }
}
