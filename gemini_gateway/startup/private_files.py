"""Files that only the server's own account can read, independent of the umask and the folder's permissions."""

import contextlib
import os
import secrets
import stat
from pathlib import Path


def write_private_file(path: Path, text: str, *, replace: bool) -> None:
    """Write `text` to a file of mode 0600, which gets its name only when complete.

    With `replace` it replaces an existing file; without it an existing file remains, also when two processes race.
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
    """Create an empty file of mode 0600 for SQLite unless one exists; an OSError is left to the code that opens it.

    SQLite itself would apply the umask, which usually allows everyone to read. Its log (`-wal`) and index (`-shm`)
    inherit the database's mode.
    """
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))


def readable_by_others(path: Path) -> bool:
    """Whether every user of this machine can read the file, by its own mode and through all folders above it."""
    try:
        if not path.stat().st_mode & stat.S_IROTH:
            return False
        return all(folder.stat().st_mode & stat.S_IXOTH for folder in path.resolve().parents)
    except OSError:
        return False
