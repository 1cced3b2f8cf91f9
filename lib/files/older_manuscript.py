"""Older manuscript: a conversation's document as an earlier version wrote it, brought to the form of the newest."""

from __future__ import annotations

from typing import Any

from lib.files.value_codec import write_features
from lib.model.request_options import DEFAULT_FEATURES

_TURN = {"calls": [], "call_id": "", "name": ""}


def from_version_1(body: dict[str, Any]) -> dict[str, Any]:
    """Version 1 knew neither tools nor JSON mode nor adapters. What is not as it should be stays, to be refused."""
    body = body | {"version": 2}
    if isinstance(body.get("settings"), list):
        body["settings"] = {"parameters": body["settings"], "features": write_features(DEFAULT_FEATURES)}
    for name in ("messages", "turns"):
        body[name] = _each(body.get(name), _TURN)
    answers = _each(body.get("answers"), {"calls": []})
    body["answers"] = answers
    for answer in answers if isinstance(answers, list) else ():
        if isinstance(answer, dict) and isinstance(request := answer.get("request"), dict):
            answer["request"] = _request(request)
    return body


def _request(request: dict[str, Any]) -> dict[str, Any]:
    request = {"response_format": None} | request
    if "turn" in request:
        return {"raw": False, "tools": [], "functions": []} | request
    if isinstance(input := request.get("input"), dict):
        request["input"] = {"lora": ""} | input
    return request


def _each(listed: Any, added: dict[str, Any]) -> Any:
    if not isinstance(listed, list):
        return listed
    return [added | one if isinstance(one, dict) else one for one in listed]
