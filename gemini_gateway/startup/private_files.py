"""Files that are for the server's own account alone, whatever the umask and whoever may enter the folder."""

import contextlib
import os
import secrets
import stat
from pathlib import Path


def write_private_file(path: Path, text: str, *, replace: bool) -> None:
    """Write `text` to a 0600 file that appears under its name only when complete.

    With `replace` an older file gives way; without it the older file stays and this one is discarded, also when two
    processes race.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if replace:
            draft.replace(path)
        else:
            try:
                os.link(draft, path)
            except FileExistsError:
                return
    finally:
        draft.unlink(missing_ok=True)


def make_private_database(path: Path) -> None:
    """Make an empty 0600 file for SQLite unless there is one; what cannot be made is left to whoever opens it.

    SQLite itself would make it as the umask says, readable by everybody as a rule. Its log (`-wal`) and its index
    (`-shm`) get the mode of the database.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def readable_by_others(path: Path) -> bool:
    """Whether every user of this machine can read the file: by its own mode, and through all folders above it."""
    try:
        if not path.stat().st_mode & stat.S_IROTH:
            return False
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
    except OSError:
        return False
