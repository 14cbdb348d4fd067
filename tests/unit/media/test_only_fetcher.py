"""Only the fetcher follows a client's URL: no other module may open a connection."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp", "socket", "http.client"}
CLIENTS |= {"urllib.request", "ftplib", "asyncio.streams", "websockets"}
ALLOWED = {
    "api/media/fetcher.py": {"httpx2", "httpcore2"},
    "api/media/guard.py": {"httpx2", "httpcore2", "socket"},
}
# These modules call Gemini, or are servers.
OTHERS = ("api/gemini/", "gemini_gateway/management/")


def imported(path: Path) -> set[str]:
    """Return the modules that a file imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def test_only_the_fetcher_of_the_api_opens_connections() -> None:
    found = {
        place: clients
        for path in sorted((ROOT / "api").rglob("*.py"))
        if not (place := path.relative_to(ROOT).as_posix()).startswith(OTHERS)
        and (clients := {name for name in imported(path) if {name, name.partition(".")[0]} & CLIENTS})
    }
    assert found == ALLOWED
