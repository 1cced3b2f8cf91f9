// Removes the sidebar that stays, empty, on some pages without one. lib/ui/shell/accessibility.py loads it.
//
// At the end of a run Streamlit removes the sidebar of the page that was left (`AppView.tsx`), unless React has not yet
// drawn that it is empty. In one of ten visits it stayed until the next run, and the page stood 340 pixels further right.
// So there is a next run.

const PATIENCE = 300 // milliseconds after the end of a run
const EMPTY = "[data-testid=stSidebar] [data-testid=stSidebarUserContent] [data-testid=stVerticalBlock]:empty"
const AT_REST = ".stApp[data-test-script-state=notRunning]"
const MAX_TRIES = 3
const NARROW = matchMedia("(max-width: 768px)") // there, it holds the links to the pages

let redraw = () => {}
let timer = 0
let tries = 0
let isStarted = false

export function start(data, redrawPage) {
  redraw = redrawPage
  if (isStarted) return
  isStarted = true
  new MutationObserver(lookSoon).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ["data-test-script-state"],
  })
  lookSoon()
}

function lookSoon() {
  timer ||= setTimeout(() => {
    timer = 0
    if (NARROW.matches || !document.querySelector(AT_REST)) return
    tries = document.querySelector(EMPTY) ? tries + 1 : 0
    if (tries > 0 && tries <= MAX_TRIES) redraw()
  }, PATIENCE)
}
