"""The script that Streamlit runs for each visit: page set-up and the list of pages."""

import streamlit as st

from lib.ui.shell import accessibility, model_line, page_images, page_mode, page_paths, page_style
from lib.ui.shell.page_mode import PageMode
from lib.ui.shell.script_start import reset_container_stack
from lib.ui.widgets.click_notice import begin_run

WIDE_PAGES = ("Compare", "Experiment")  # pages with columns
PRESENTABLE_PAGES = ("Chat", "Compare", "Experiment")

reset_container_stack()
begin_run()
# The icon is set before the pages: else the browser would fetch theirs from Google. Each page sets its title: one
# that was set here too would come and go in each run.
page_images.set_tab_icon()
st.set_page_config(initial_sidebar_state=340)
mode = page_mode.current_mode()
if mode.has_controls:
    page_images.draw_logo()
page = st.navigation(
    [
        st.Page(page_paths.CHAT_PAGE, title="Chat", icon=":material/forum:", default=True),
        st.Page(page_paths.COMPARE_PAGE, title="Compare", icon=":material/compare:"),
        st.Page(page_paths.EXPERIMENT_PAGE, title="Experiment", icon=":material/science:"),
        st.Page(page_paths.HISTORY_PAGE, title="History", icon=":material/history:"),
        st.Page(page_paths.MODEL_PAGE, title="Model", icon=":material/deployed_code:"),
    ],
    position="top" if mode.has_controls else "hidden",
)
if mode is PageMode.PRESENTING and page.title not in PRESENTABLE_PAGES:
    page_mode.stop_presenting()
    st.rerun()
# The layout is set once in a run: of two the browser would show now one, now the other.
is_wide = page.title in WIDE_PAGES or mode is PageMode.PRESENTING
st.set_page_config(layout="wide" if is_wide else "centered")
page_style.draw_page_style(mode)
accessibility.draw_repairs()
model_line.draw_model_line()
page.run()
