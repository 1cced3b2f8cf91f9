"""Run a Worker snippet in workerd, Cloudflare's own server, with an AI binding that asks a backend over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from string import Template
from urllib.parse import urlsplit

import httpx

from lib.api.backend import Backend
from lib.snippets.snippet import Snippet
from tests.snippets.snippet_runner import MODULES, TIMEOUT, find_command

# The binding at Cloudflare sends the inputs on as they are, takes the envelope off a whole answer and throws the
# service's message.
BINDING = """
export default (env) => ({
  async run(model, inputs) {
    const response = await env.backend.fetch(`${env.url}/accounts/${env.account}/ai/run/${model}`, {
      method: "POST",
      headers: { authorization: `Bearer ${env.token}`, "content-type": "application/json" },
      body: JSON.stringify(inputs),
    });
    if (!response.ok) {
      const { errors } = await response.json();
      throw new Error(`${errors[0].code}: ${errors[0].message}`);
    }
    return inputs.stream ? response.body : (await response.json()).result;
  },
});
"""

CONFIG = Template("""
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "worker", worker = .worker),
    (name = "backend", external = (address = "$host", http = ())),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "worker")],
  extensions = [(modules = [(name = "test:ai", internal = true, esModule = embed "binding.js")])],
);

const worker :Workerd.Worker = (
  compatibilityDate = "2026-11-01",
  modules = [(name = "worker", esModule = embed "worker.js")],
  bindings = [(name = "AI", wrapped = (moduleName = "test:ai", innerBindings = [
    (name = "backend", service = "backend"),
    (name = "url", text = "$url"),
    (name = "account", text = "$account"),
    (name = "token", text = "$token"),
  ]))],
);
""")


def compile_workers(programs: dict[str, Snippet], folder: Path) -> dict[str, Path]:
    """Compile each Worker to JavaScript in ``folder``, checked against Cloudflare's types; return the files."""
    for key, program in programs.items():
        (folder / f"{key}.ts").write_text(program.text, encoding="utf-8", newline="")
    done = subprocess.run(
        [
            find_command("node"),
            str(MODULES / "typescript" / "bin" / "tsc"),
            "--strict",
            "--target",
            "es2022",
            "--module",
            "es2022",
            "--lib",
            "es2022",
            "--types",
            "",
            "--outDir",
            str(folder),
            *(str(folder / f"{key}.ts") for key in programs),
            str(MODULES / "@cloudflare" / "workers-types" / "index.d.ts"),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {key: folder / f"{key}.js" for key in programs}


@contextlib.contextmanager
def serve_worker(script: Path, folder: Path, backend: Backend) -> Iterator[httpx.Client]:
    """Serve a Worker; yield a client for it."""
    url = urlsplit(backend.base_url)
    config = CONFIG.substitute(
        host=url.netloc,
        url=backend.base_url,
        account=backend.account_id,
        token=backend.token.reveal(),
    )
    for name, text in {
        "config.capnp": config,
        "binding.js": BINDING,
        "worker.js": script.read_text(encoding="utf-8"),
    }.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    reads, writes = os.pipe()
    [binary] = MODULES.glob("@cloudflare/workerd-*/bin/workerd")  # the package for this platform
    process = subprocess.Popen(
        [str(binary), "serve", "config.capnp", f"--control-fd={writes}"], cwd=folder, pass_fds=[writes]
    )
    os.close(writes)
    try:
        with os.fdopen(reads) as control:
            ready = json.loads(control.readline())
            assert ready["event"] == "listen"
            with httpx.Client(
                base_url=f"http://127.0.0.1:{ready['port']}", timeout=TIMEOUT, trust_env=False
            ) as client:
                yield client
    finally:
        process.terminate()
        process.wait(TIMEOUT)
