"""How visible the keyboard's focus is on each control, from computed styles."""

from __future__ import annotations

from playwright.sync_api import Page

# Gives each control the focus. The ring is an outline of the control, of what is around it or, for a hidden checkbox
# or slider, of its label or handle. Returns the controls without a ring of 2 pixels that has 3:1 against what is
# around it and is seen on enough sides.
_FIND_JS = """([within, minSides]) => {
    const FOCUSABLE = ":is(a[href], button, input, textarea, select, summary, [tabindex='0'])"
        + ":not([disabled], [tabindex='-1'])"
    const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently: true})
    const read = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1)
        const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data
        return [r, g, b, a / 255]
    }
    const blend = (top, below) => [0, 1, 2].map(i => top[i] * top[3] + below[i] * (1 - top[3])).concat(1)
    const background = part => {
        const below = part.parentElement ? background(part.parentElement) : [255, 255, 255, 1]
        return blend(read(getComputedStyle(part).backgroundColor), below)
    }
    const luminance = colour => {
        const [r, g, b] = colour.map(v => v / 255).map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
        return .2126 * r + .7152 * g + .0722 * b
    }
    const contrast = (one, other) => {
        const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b)
        return (light + .05) / (dark + .05)
    }
    const countSides = (part, grow) => {
        const box = part.getBoundingClientRect()
        const sides = {left: box.left - grow, top: box.top - grow, right: box.right + grow, bottom: box.bottom + grow}
        const cut = new Set()
        for (let outer = part.parentElement; outer && grow > 0; outer = outer.parentElement) {
            const style = getComputedStyle(outer), edge = outer.getBoundingClientRect()
            if (style.overflow === 'visible') continue
            const margin = style.overflow === 'clip' ? parseFloat(style.overflowClipMargin) : 0
            for (const side of ['left', 'top']) if (sides[side] < edge[side] - margin - 1) cut.add(side)
            for (const side of ['right', 'bottom']) if (sides[side] > edge[side] + margin + 1) cut.add(side)
        }
        return 4 - cut.size
    }
    const isRinged = part => {
        const style = getComputedStyle(part), box = part.getBoundingClientRect()
        const width = parseFloat(style.outlineWidth), grow = width + parseFloat(style.outlineOffset)
        if (style.outlineStyle === 'none' || width < 2 || box.width < 8 || box.height < 8) return false
        const around = background(grow > 0 ? part.parentElement : part)
        return contrast(blend(read(style.outlineColor), around), around) >= 3 && countSides(part, grow) >= minSides
    }
    const describe = control => {
        const key = /st-key-[^ ]+/.exec(control.closest('[class*=st-key-]')?.className)
        return `${control.tagName} ${control.ariaLabel ?? control.textContent.slice(0, 40)} ${key}`
    }
    const inside = [...document.querySelectorAll('[role=dialog]')].at(-1) ?? document.querySelector(within)
    const wrong = [], seen = []
    for (const control of inside.querySelectorAll(FOCUSABLE)) {
        if (!control.checkVisibility({visibilityProperty: true})) continue
        control.focus({focusVisible: true})
        if (document.activeElement !== control) continue
        seen.push(control)
        const parts = [control]
        while (parts.length < 6 && parts.at(-1).parentElement) parts.push(parts.at(-1).parentElement)
        if (!parts.some(isRinged)) wrong.push(describe(control))
    }
    return [seen.length, wrong]
}"""


def find_faint_rings(page: Page, within: str = "body", min_sides: int = 3) -> tuple[int, list[str]]:
    """Return how many controls were looked at, and those whose focus is hard to see; in a dialog if one is open.

    ``within`` is a selector; so many sides of a ring must be seen.
    """
    # A key press makes the browser show the focus.
    page.keyboard.press("Shift")
    count, wrong = page.evaluate(_FIND_JS, [within, min_sides])
    return int(count), list(wrong)
