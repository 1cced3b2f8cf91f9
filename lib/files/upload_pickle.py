"""Values on their way to and from the child process that reads an upload."""

from __future__ import annotations

import io
import pickle
from types import MappingProxyType
from typing import Any


def mapping_proxy(values: dict[str, Any]) -> MappingProxyType[str, Any]:
    """Return a read-only view, which pickle cannot make by itself."""
    return MappingProxyType(values)


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        return (mapping_proxy, (dict(value),)) if isinstance(value, MappingProxyType) else NotImplemented


class _ResultUnpickler(pickle.Unpickler):
    """Takes values of Paddock's own classes only, whatever a child process that was taken over sends."""

    def find_class(self, module: str, name: str) -> Any:
        found = super().find_class(module, name) if module.startswith("lib.") or module == "decimal" else None
        if isinstance(found, type) or found is mapping_proxy:
            return found
        raise pickle.UnpicklingError(f"{module}.{name} is not part of a result.")


def pickle_value(value: Any) -> bytes:
    """Return the call or the result as bytes."""
    packed = io.BytesIO()
    _Pickler(packed).dump(value)
    return packed.getvalue()


def unpickle_result(packed: bytes) -> Any:
    """Return the result. Raise UnpicklingError for what no function that reads an upload returns."""
    return _ResultUnpickler(io.BytesIO(packed)).load()
