"""A workaround for Streamlit: a run of the script could draw the page inside a fragment of the run before."""

from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value


def reset_container_stack() -> None:
    """Reset Streamlit's stack of open containers. Call it in the first line of a script.

    Streamlit leaves the stack as a fragment's run had it, and resets it only if that run is interrupted. A click that
    arrives after the run's last check for clicks, and before its thread asks for more work, is handled by the same
    thread with the same stack: the page would be drawn a second time, inside the fragment
    (1.67, ``ScriptRunner._run_script_thread``).
    """
    context_dg_stack.set(get_default_dg_stack_value())
