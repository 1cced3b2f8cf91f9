"""Top: where a run of the script begins to draw."""

from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value


def reset_container_stack() -> None:
    """The first line of a script: what it draws is drawn on the page, not within something of the run before it.

    Streamlit leaves its stack of open containers as a fragment's run had it, and sets it back only where that run is
    interrupted. A click that arrives after the run's last look for clicks, and before its thread asks for more work,
    is answered by the same thread, with that stack: the whole page would be drawn once more, inside the fragment's
    place (1.67, ``ScriptRunner._run_script_thread``).
    """
    context_dg_stack.set(get_default_dg_stack_value())
