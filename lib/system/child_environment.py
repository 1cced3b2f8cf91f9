"""The environment of child processes: only what they need, so that no credential of Paddock's reaches one.

The list says what is allowed, not what is secret: nobody can name every secret in a user's environment.
"""

from __future__ import annotations

import os

_SYSTEM = """
    PATH HOME USER LOGNAME LANG LANGUAGE TZ TZDIR TMPDIR TEMP TMP
    LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH GLIBC_TUNABLES MALLOC_ARENA_MAX
    XDG_DATA_HOME XDG_DATA_DIRS XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_CACHE_HOME XDG_STATE_HOME XDG_RUNTIME_DIR
"""
_WINDOWS = """
    SYSTEMROOT SYSTEMDRIVE WINDIR COMSPEC PATHEXT OS USERNAME USERPROFILE HOMEDRIVE HOMEPATH APPDATA LOCALAPPDATA
    PROGRAMDATA ALLUSERSPROFILE PROGRAMFILES PROCESSOR_ARCHITECTURE PROCESSOR_ARCHITEW6432 NUMBER_OF_PROCESSORS
"""
_PYTHON = """
    VIRTUAL_ENV CONDA_PREFIX PYTHONHOME PYTHONPATH PYTHONUSERBASE PYTHONNOUSERSITE PYTHONPYCACHEPREFIX
    PYTHONDONTWRITEBYTECODE PYTHONUTF8 PYTHONIOENCODING PYTHONUNBUFFERED PYTHONHASHSEED PYTHONWARNINGS
    PYTHONFAULTHANDLER PYTHONMALLOC
"""
_TWIN = "PADDOCK_DATA_DIR PADDOCK_MODEL PADDOCK_SERVE_AS PADDOCK_ADAPTERS PADDOCK_CONTEXT"
_ALLOWED = {*_SYSTEM.split(), *_WINDOWS.split(), *_PYTHON.split(), *_TWIN.split()}

# The locale, and the settings of the numerical libraries.
_ALLOWED_PREFIXES = ("LC_", "OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GGML_")

# The address of an index or a proxy may hold a password, which pip needs.
_FOR_PIP = {
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "NETRC"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
}


def child_environment(*, pip: bool = False, **added: str) -> dict[str, str]:
    """Return the environment for a child process: what it needs of ours, and the ``added`` variables.

    ``pip``: the child is pip, or starts it.
    """
    return {name: value for name, value in os.environ.items() if _is_allowed(name.upper(), pip=pip)} | added


def _is_allowed(name: str, *, pip: bool) -> bool:
    if name in _ALLOWED or name.startswith(_ALLOWED_PREFIXES):
        return True
    return pip and (name in _FOR_PIP or name.startswith("PIP_"))
