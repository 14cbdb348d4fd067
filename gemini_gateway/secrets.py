"""The server's own secrets: made on first start in a 0600 file of the data directory, never in the repository.

Several workers may start at once: each writes a complete file of its own and links it to the final name, which
succeeds for exactly one; all then read that one.
"""

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from cryptography.fernet import Fernet

from gemini_gateway.private_files import write_private_file

FILE_NAME = "secrets.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """`secret_key` signs sessions; `field_encryption_keys` (Fernet keys, the first one encrypts) protect stored keys.

    `problem` says why they could not be kept on disk: the keys are then good for this process only.
    """

    secret_key: str
    field_encryption_keys: tuple[str, ...]
    problem: str = ""


def load_secrets(data_dir: Path) -> Secrets:
    """The secrets of `data_dir`, made there first if it has none."""
    path = data_dir / FILE_NAME
    try:
        if not path.exists():
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private_file(path, _fresh(), replace=False)
        return _parse(path)
    except (OSError, ValueError, KeyError, TypeError) as fault:
        stand_in = json.loads(_fresh())
        return Secrets(
            secret_key=stand_in["SECRET_KEY"],
            field_encryption_keys=tuple(stand_in["FIELD_ENCRYPTION_KEYS"]),
            problem=f"{path}: {type(fault).__name__}: {fault}",
        )


def _fresh() -> str:
    made = {"SECRET_KEY": secrets.token_urlsafe(64), "FIELD_ENCRYPTION_KEYS": [Fernet.generate_key().decode()]}
    return json.dumps(made, indent=1) + "\n"


def _parse(path: Path) -> Secrets:
    stored = json.loads(path.read_text(encoding="utf-8"))
    return Secrets(
        secret_key=str(stored["SECRET_KEY"]),
        field_encryption_keys=tuple(str(key) for key in stored["FIELD_ENCRYPTION_KEYS"]),
    )
