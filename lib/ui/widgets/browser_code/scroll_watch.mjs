// While a conversation is open, Streamlit looks every 17 ms if its end is still in sight, and each look lays the page
// out, also where nothing happens. Nothing can have moved unless a size changed or somebody scrolled, so its timer runs
// only for a while after that. A page loads this before Streamlit's own code.

const STREAMLITS_INTERVAL = 17
// Streamlit scrolls once the end was out of sight in two looks that are 34 ms apart. Looks are counted, not the time: a
// busy browser may take half a second from one to the next.
const LOOKS = 30
const setIntervalOfBrowser = window.setInterval.bind(window)
const clearIntervalOfBrowser = window.clearInterval.bind(window)

// Streamlit's timers that are set: what each does, how many looks it has left, and the browser's timer while it runs.
const timers = new Map()

function look(timer) {
  timer.looksLeft -= 1
  if (timer.looksLeft <= 0) stop(timer)
  timer.work()
}

function stop(timer) {
  clearIntervalOfBrowser(timer.running)
  timer.running = null
}

function wake() {
  for (const timer of timers.values()) {
    timer.looksLeft = LOOKS
    timer.running ??= setIntervalOfBrowser(look, STREAMLITS_INTERVAL, timer)
  }
}

const sizes = new ResizeObserver(wake)

// The conversation is in the first block, the message box in the second. Streamlit sets a timer once they are drawn.
function watch() {
  const conversation = document.querySelector("[data-testid=stAppScrollToBottomContainer]")
  sizes.disconnect()
  if (!conversation) return
  for (const part of [conversation, ...conversation.children]) sizes.observe(part)
  conversation.addEventListener("scroll", wake, { passive: true })
}

window.setInterval = (work, interval, ...rest) => {
  if (interval !== STREAMLITS_INTERVAL || typeof work !== "function") {
    return setIntervalOfBrowser(work, interval, ...rest)
  }
  // A number of the browser's own, so that none of its other timers has it.
  const id = setIntervalOfBrowser(() => {}, 2 ** 31 - 1)
  timers.set(id, { work: () => work(...rest), looksLeft: 0, running: null })
  watch()
  wake()
  return id
}

window.clearInterval = (id) => {
  const timer = timers.get(id)
  if (timer) stop(timer)
  timers.delete(id)
  clearIntervalOfBrowser(id)
}
