"""The script with which each page tells Streamlit the address of its server. browser_code.py puts it into the page.

Without it, the page at ``/history`` asks ``/history/_stcore/health`` first, and the browser reports two errors:
Streamlit cannot know whether a server is behind a path.
"""

# The page's files are beside it (./static), so its server is there too. Streamlit reads this name (StreamlitConfig).
SCRIPT = 'window.__streamlit = {BACKEND_BASE_URL: new URL("./", location.href).href}'
