// Makes a table take a click that follows a mouse move at once. lib/ui/shell/accessibility.py loads it.
//
// Streamlit's table ignores a change of its selection until it is drawn with the mouse over it
// (`isFocused` in its DataFrame.tsx). React draws after a mouse move when it has time for it, and after a press before
// the next event. It takes the kind of an event from `window.event.type`: a move over a table says that it is a press.

export function start() {
  addEventListener("pointermove", showAsPress, true) // adding it again changes nothing
}

function showAsPress(event) {
  if (event.target.closest?.("[data-testid=stDataFrame]")) Object.defineProperty(event, "type", { value: "pointerdown" })
}
