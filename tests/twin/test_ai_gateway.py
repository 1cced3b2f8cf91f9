"""The headers that a gateway adds, by its header and at its own address."""

from __future__ import annotations

import re

from tests.twin.conftest import MODEL, STORY, RunningTwin

LOG_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def test_a_gateway_adds_a_log_entry_and_the_state_of_its_cache(twin: RunningTwin) -> None:
    body = {"prompt": STORY, "max_tokens": 2}
    named = {"cf-aig-gateway-id": "my-gateway"}
    own_address = twin.base_url.replace("/client/v4", f"/v1/{twin.account}/my-gateway/workers-ai/{MODEL}")
    for url, headers in ((twin.run, named), (own_address, {})):
        for stream in (True, False):
            answer = twin.client.post(url, json={**body, "stream": stream}, headers=headers)
            assert answer.status_code == 200
            assert LOG_ID.fullmatch(answer.headers["cf-aig-log-id"])
            assert answer.headers["cf-aig-cache-status"] == "MISS"
    skipping = twin.client.post(twin.run, json=body, headers={**named, "cf-aig-skip-cache": "true"})
    assert "cf-aig-log-id" in skipping.headers
    assert "cf-aig-cache-status" not in skipping.headers
    assert not any(name.startswith("cf-aig") for name in twin.ask(**body).headers)
    refused = twin.client.post(own_address, json=body, headers={"authorization": "Bearer " + "a" * 40})
    assert refused.status_code == 401
