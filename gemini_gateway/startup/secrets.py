"""The server's own secrets, created at the first start in a 0600 file of the data directory.

Several workers may start at once: each writes a complete file and links it to the final name. Exactly one link
succeeds; then all workers read that file.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from gemini_gateway.startup.private_files import write_private_file

FILE_NAME = "secrets.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """`secret_key` signs logins and the state that clients carry.

    `problem` is the reason if the key could not be stored; the key is then valid for this process only.
    """

    secret_key: str
    problem: str = ""


def load_secrets(data_dir: Path) -> Secrets:
    """Return the secrets of `data_dir`; creates them if there are none."""
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private_file(path, json.dumps({"SECRET_KEY": _new_key()}, indent=1) + "\n", replace=False)
        return _parse(path)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        return Secrets(secret_key=_new_key(), problem=f"{path}: {type(fault).__name__}: {fault}")


def _new_key() -> str:
    return secrets.token_urlsafe(64)


def _parse(path: Path) -> Secrets:
    return Secrets(secret_key=str(json.loads(path.read_text(encoding="utf-8"))["SECRET_KEY"]))
