// Takes the bar at the bottom of the page out of what scrolls. lib/ui/shell/accessibility.py loads it.
//
// Streamlit makes the bar sticky. Chromium then sometimes painted it in the middle of the page, or not at all, while
// the message box was where it should be for clicks: after a box below an answer had been opened. So the bar is
// absolute here, and a space of its height stands in its place.

const BAR = "[data-testid=stBottom]"
const LINE = 16 // pixels that a wheel's line is scrolled by
const PAGE = 0.8 // of the window, by the keys for a page

let main, bar, touchedAt
const sizes = new ResizeObserver(place)

export function start() {
  if (main) return
  new MutationObserver(watch).observe(document.body, { childList: true, subtree: true })
  document.addEventListener("wheel", event => {
    const unit = [1, LINE, main.clientHeight][event.deltaMode]
    if (!event.ctrlKey) scrollPage(event, event.deltaY * unit)
  }, { passive: true })
  document.addEventListener("touchstart", event => { touchedAt = event.touches[0].clientY }, { passive: true })
  document.addEventListener("touchmove", event => {
    const { clientY } = event.touches[0]
    scrollPage(event, touchedAt - clientY)
    touchedAt = clientY
  }, { passive: true })
  document.addEventListener("keydown", event => {
    if (event.key === "PageUp") scrollPage(event, -PAGE * main.clientHeight)
    if (event.key === "PageDown") scrollPage(event, PAGE * main.clientHeight)
  })
  watch()
}

// Streamlit makes both anew when another page is opened.
function watch() {
  const element = document.getElementById("stMain")
  const last = element?.lastElementChild
  if (!element || (element === main && last === bar)) return
  main = element
  bar = last
  sizes.disconnect()
  if (!bar?.matches(BAR)) return
  place()
  sizes.observe(main)
  sizes.observe(bar)
}

function place() {
  const { height } = bar.getBoundingClientRect()
  bar.style.position = "absolute"
  bar.style.width = "auto"
  bar.style.right = `${main.offsetWidth - main.clientWidth}px`
  // Streamlit's own space above the bar, which fills what a short page leaves.
  bar.previousElementSibling.style.paddingBottom = `${height}px`
  main.style.scrollPaddingBottom = `${height + 8}px`
}

// A wheel, a finger or a key in the bar scrolls the page, unless something in the bar scrolls. The browser would not do
// it, as the bar is not part of what scrolls.
function scrollPage(event, distance) {
  const path = event.composedPath()
  const end = path.indexOf(bar)
  if (end < 0 || event.defaultPrevented || path.slice(0, end).some(part => canScroll(part, distance))) return
  if (/auto|scroll/.test(getComputedStyle(main).overflowY)) main.scrollBy(0, distance)
}

function canScroll(part, distance) {
  if (!(part instanceof Element)) return false
  const left = distance < 0 ? part.scrollTop : part.scrollHeight - part.clientHeight - part.scrollTop
  return left > 1 && /auto|scroll/.test(getComputedStyle(part).overflowY)
}
