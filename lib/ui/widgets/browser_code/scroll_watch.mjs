// While a conversation is open, Streamlit looks every 17 ms if its end is still in sight, and each look lays the page
// out, also where nothing happens. Nothing can have moved unless a size changed or somebody scrolled, so this lets it
// look only then. A page loads it before Streamlit's own code.

const STREAMLITS_INTERVAL = 17
// Streamlit scrolls once the end was out of sight in two looks that are 34 ms apart. Looks are counted, not the time: a
// busy browser may take half a second from one to the next.
const LOOKS = 30
const setIntervalOfBrowser = window.setInterval.bind(window)
let looksLeft = 0
let watched = null

function wake() {
  looksLeft = LOOKS
}

const sizes = new ResizeObserver(wake)

// The conversation is in the first block, the message box in the second.
function watch() {
  if (watched?.isConnected) return
  sizes.disconnect()
  watched = document.querySelector("[data-testid=stAppScrollToBottomContainer]")
  if (!watched) return
  for (const part of [watched, ...watched.children]) sizes.observe(part)
  watched.addEventListener("scroll", wake, { passive: true })
  wake()
}

window.setInterval = (work, interval, ...rest) => {
  if (interval !== STREAMLITS_INTERVAL || typeof work !== "function") {
    return setIntervalOfBrowser(work, interval, ...rest)
  }
  return setIntervalOfBrowser(() => {
    watch()
    if (looksLeft <= 0) return
    looksLeft -= 1
    work(...rest)
  }, interval)
}
