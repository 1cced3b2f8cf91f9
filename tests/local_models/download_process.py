"""A process that downloads a model and is killed meanwhile: ``python -m tests.local_models.download_process``.

Its arguments are the hub's address and the model as JSON.
"""

from __future__ import annotations

import json
import sys

import httpx

from lib.local_models.hub import Hub
from lib.local_models.model_download import download_model
from lib.local_models.model_source import RemoteModel

if __name__ == "__main__":
    download_model(RemoteModel(**json.loads(sys.argv[2])), Hub(httpx.URL(sys.argv[1])))
