"""Workarounds for what Streamlit does at the start of a run of the script, and at the start of the first one."""

from streamlit import delta_generator
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value


def reset_container_stack() -> None:
    """Reset Streamlit's stack of open containers. Call it in the first line of a script.

    Streamlit leaves the stack as a fragment's run had it, and resets it only if that run is interrupted. A click that
    arrives after the run's last check for clicks, and before its thread asks for more work, is handled by the same
    thread with the same stack: the page would be drawn a second time, inside the fragment
    (1.67, ``ScriptRunner._run_script_thread``).
    """
    context_dg_stack.set(get_default_dg_stack_value())


def skip_console_check() -> None:
    """Keep the first run from looking whether it is in Python's console. Call it once, before that.

    Streamlit would warn there. It looks through the source files of all modules: a quarter of a second
    (1.67, ``env_util.is_repl``).
    """
    delta_generator._use_warning_has_been_displayed = True
