"""The page's parts: everything that imports Streamlit, pages and app.py aside."""
