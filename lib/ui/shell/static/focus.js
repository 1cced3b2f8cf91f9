// Gives the focus to what a user opens, and gives it back. lib/ui/shell/accessibility.py loads it.
//
// Streamlit leaves the focus on the button of a popover, whose content is far away in the order of the Tab key. If what
// has the focus is taken away, as a menu after a choice or the button that closes a box, the focus is nowhere, and the
// Tab key begins at the page's start again.

const PATIENCE = 120 // milliseconds after a change of the page, until it is likely to be drawn
const FOCUSABLE = ":is(a[href], button, input, textarea, select, summary, [tabindex='0']):not([disabled], [tabindex='-1'])"
const TEXT_BOX = "textarea, input:not([type=checkbox], [type=radio], [type=range], [type=file])"
// Where the focus goes if what had it is gone: the nearest of these that is left.
const PLACES = "[class*=st-key-], [role=dialog], .stMain"
const MESSAGE_MENU = "[class*='st-key-menu-'] button" // of a message whose box was closed
const POPOVER = "[data-testid=stPopoverBody]"
const OPENED = "[data-testid=stPopoverButton][aria-expanded=true]"
const HELP = "[aria-label^=Help]"

let isByKeyboard = false
let trail = [] // the element that has or had the focus last, what it is in, and what a menu or popover was opened from
let lastPlace = { x: 0, y: 0 } // of the element when a key was pressed
let isStarted = false
let timer = 0
const entered = new WeakSet() // the popovers that could take the focus

export function start() {
  if (isStarted) return
  isStarted = true
  document.addEventListener("keydown", pressKey, true)
  document.addEventListener("pointerdown", () => { isByKeyboard = false }, true)
  document.addEventListener("focusin", rememberFocus)
  new MutationObserver(lookSoon).observe(document.body, { childList: true, subtree: true })
  lookSoon()
}

function lookSoon() {
  timer ||= setTimeout(() => {
    timer = 0
    enterPopovers()
    restoreFocus()
  }, PATIENCE)
}

const isShown = part => part.checkVisibility({ visibilityProperty: true })
const shown = (selector, within) => [...within.querySelectorAll(selector)].filter(isShown)

function pressKey(event) {
  isByKeyboard = true
  lastPlace = document.activeElement.getBoundingClientRect()
  if (event.key === "Tab") leavePopover(event)
}

function rememberFocus({ target }) {
  const parts = []
  for (let part = target; part && part !== document.body; part = part.parentElement) parts.push(part)
  // Menus, popovers and dialogs stand outside of the page.
  trail = parts.at(-1)?.id === "root" ? parts : [...parts, ...trail.filter(part => part.isConnected && !parts.includes(part))]
}

function restoreFocus() {
  const isLost = document.activeElement === document.body || document.activeElement === null
  if (!isLost || !isByKeyboard || !trail.length || (trail[0].isConnected && !trail[0].disabled)) return
  for (const place of trail.filter(part => part.isConnected && part.matches(PLACES))) {
    const target = nearest(shown(MESSAGE_MENU, place)) ?? nearest(shown(FOCUSABLE, place))
    if (target) return target.focus()
  }
}

function nearest(parts) {
  const distance = part => {
    const { x, y } = part.getBoundingClientRect()
    return Math.hypot(x - lastPlace.x, y - lastPlace.y)
  }
  return parts.reduce((best, part) => (best && distance(best) <= distance(part) ? best : part), undefined)
}

// A popover that begins with a text box is an editor: the box takes the focus, of a mouse's user too. Of another one no
// control takes it, as the key that opened it, pressed again, would press that.
function enterPopovers() {
  for (const body of shown(POPOVER, document)) {
    const opener = document.querySelector(OPENED)
    if (entered.has(body) || !opener) continue
    entered.add(body)
    body.tabIndex = -1
    const name = opener.querySelector("p")?.textContent
    if (name) body.setAttribute("aria-label", name)
    const first = shown(FOCUSABLE, body).find(part => !part.matches(HELP))
    const isEditor = first?.matches(TEXT_BOX) ?? false
    if (document.activeElement === opener && (isByKeyboard || isEditor)) (isEditor ? first : body).focus()
  }
}

// The Tab key leads from both ends of a popover to its button, and on from there.
function leavePopover(event) {
  const here = document.activeElement, body = here.closest(POPOVER), opener = document.querySelector(OPENED)
  if (!body || !opener) return
  const parts = [body, ...shown(FOCUSABLE, body)], place = parts.indexOf(here)
  if (event.shiftKey ? place > 1 : place < parts.length - 1) return
  opener.focus()
  if (event.shiftKey) event.preventDefault()
}
