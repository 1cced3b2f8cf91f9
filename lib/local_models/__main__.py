"""List, download and remove the models of this computer: ``python -m lib.local_models``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from lib.errors import PaddockError
from lib.local_models import terminal
from lib.local_models.hub import hub_from_environment
from lib.local_models.model_download import download_model
from lib.local_models.model_sizes import find_source
from lib.local_models.model_source import ModelFile, RemoteModel, ShippedModel


def _parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m lib.local_models",
        description="Without an option: list the models. With one: download the model if needed and print its path.",
    )
    parser.add_argument("model", nargs="?", help="an id of the list, a GGUF file, or an https address of one")
    parser.add_argument("--remove", action="store_true", help="remove the model, or what has come of it")
    parser.add_argument("--accept-licence", action="store_true", help="accept the model's licence")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Return its exit code."""
    options = _parse_arguments(arguments)
    try:
        if options.model is None:
            print(terminal.describe_models())
            return 0
        source = find_source(options.model)
        if options.remove:
            print(terminal.remove(source))
            return 0
        terminal.require_licence(source, accepts=options.accept_licence)
        match source:
            case ShippedModel():
                # The twin installs it by itself.
                print(options.model)
            case ModelFile(path):
                print(path)
            case RemoteModel():
                print(download_model(source, hub_from_environment(), terminal.DownloadLine(source).report))
    except PaddockError as error:
        print(f"\n{error.message}\n{error.advice}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "\nStopped. What has come so far is kept, and the next try continues from there.", file=sys.stderr
        )
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
