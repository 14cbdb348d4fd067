"""Django's settings, read from the environment (`.env.example` has every name).

Values are not validated here; the system checks in `gemini_gateway.checks` report invalid ones.
"""

import contextlib
import os
from pathlib import Path
from typing import Any

from gemini_gateway.env import Environment
from gemini_gateway.log import logging_config
from gemini_gateway.startup.machine_memory import usable_memory
from gemini_gateway.startup.private_files import make_private_database
from gemini_gateway.startup.secrets import Secrets, load_secrets

BASE_DIR = Path(__file__).resolve().parent.parent
# The tests set ENV_FILE, so that a developer's own `.env` has no effect on them.
ENVIRONMENT = Environment(BASE_DIR / os.environ.get("ENV_FILE", ".env"))
env = ENVIRONMENT

# --- where it listens and what it writes -----------------------------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.whole("PORT", 8080, most=65535)
DATA_DIR = BASE_DIR / env.text("DATA_DIR", "data")
DEBUG = env.flag("DEBUG")
LOG_LEVEL = env.choice("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "text"), "text")
ACCESS_LOG = env.flag("ACCESS_LOG", default=True)
LOOP_WATCHDOG_MS = env.whole("LOOP_WATCHDOG_MS", 250, most=60_000)

# --- secrets ---------------------------------------------------------------------------------------------------------
SECRET_KEY = env.secret("SECRET_KEY")
SECRETS_PROBLEM = ""
if not SECRET_KEY:
    _secrets: Secrets = load_secrets(DATA_DIR)
    SECRET_KEY, SECRETS_PROBLEM = _secrets.secret_key, _secrets.problem
with contextlib.suppress(OSError):  # gemini_gateway.checks reports a directory that cannot be written
    DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

# --- Gemini ----------------------------------------------------------------------------------------------------------
# Both names are read here and passed on explicitly: the SDK would prefer GOOGLE_API_KEY without a warning.
_api_keys = (env.secret("GEMINI_API_KEY"), env.secret("GOOGLE_API_KEY"))
GEMINI_API_KEY = _api_keys[0] or _api_keys[1]
GOOGLE_GENAI_USE_VERTEXAI = env.flag("GOOGLE_GENAI_USE_VERTEXAI")
GOOGLE_CLOUD_PROJECT = env.text("GOOGLE_CLOUD_PROJECT")
GOOGLE_CLOUD_LOCATION = env.text("GOOGLE_CLOUD_LOCATION", "global")
GEMINI_BASE_URL = env.text("GEMINI_BASE_URL").rstrip("/")
if GOOGLE_GENAI_USE_VERTEXAI:
    GEMINI_UPSTREAM = "vertex"
elif GEMINI_API_KEY:
    GEMINI_UPSTREAM = "gemini"
else:
    GEMINI_UPSTREAM = "emulator"
# Without a key, GEMINI_BASE_URL is the address of a running emulator; if it is empty too, `serve` and `runserver` start
# one and set it.

# --- deadlines (seconds) and limits ----------------------------------------------------------------------------------
CONNECT_TIMEOUT = env.seconds("CONNECT_TIMEOUT", 10.0, least=0.1)
FIRST_BYTE_TIMEOUT = env.seconds("FIRST_BYTE_TIMEOUT", 120.0, least=0.1)
IDLE_TIMEOUT = env.seconds("IDLE_TIMEOUT", 60.0, least=0.1)
TOTAL_TIMEOUT = env.seconds("TOTAL_TIMEOUT", 600.0, least=0.1)
EMPTY_ANSWER_RETRIES = env.whole("EMPTY_ANSWER_RETRIES", 1, most=3)
KEEP_ALIVE_INTERVAL = env.seconds("KEEP_ALIVE_INTERVAL", 15.0, least=0.1)
STREAM_OPEN_AFTER = env.seconds("STREAM_OPEN_AFTER", 0.0)
HEADER_TIMEOUT = env.seconds("HEADER_TIMEOUT", 60.0, least=0.1)
BODY_TIMEOUT = env.seconds("BODY_TIMEOUT", 30.0, least=0.1)
SEND_TIMEOUT = env.seconds("SEND_TIMEOUT", 60.0, least=0.1)
DRAIN_SECONDS = env.seconds("DRAIN_SECONDS", 300.0)
MAX_BODY_BYTES = env.whole("MAX_BODY_BYTES", 20 * 1024 * 1024, least=1024)
# Beside its body a request needs at most three times the body's size; the rest is for the process itself.
MAX_BYTES_IN_FLIGHT = env.whole(
    "MAX_BYTES_IN_FLIGHT", max(2 * MAX_BODY_BYTES, (usable_memory() - 192 * 1024 * 1024) // 4), least=1024
)
MAX_ANSWER_BYTES = env.whole("MAX_ANSWER_BYTES", 40 * 1024 * 1024, least=1024)
MAX_IN_FLIGHT = env.whole("MAX_IN_FLIGHT", 256, least=1)
MAX_SOCKETS_PER_CALLER = env.whole("MAX_SOCKETS_PER_CALLER", 64, least=1)
OUTBOUND_BUDGET_BYTES = env.whole("OUTBOUND_BUDGET_BYTES", 1024 * 1024, least=4096)
QUEUE_SECONDS = env.seconds("QUEUE_SECONDS", 0.0)
RATE_LIMIT_ON_REDIS_LOSS = env.choice("RATE_LIMIT_ON_REDIS_LOSS", ("share", "refuse"), "share")

# --- media that requests name by URL ---------------------------------------------------------------------------------
MEDIA_FETCH = env.choice("MEDIA_FETCH", ("public", "off"), "public")
MEDIA_FETCH_HTTP = env.flag("MEDIA_FETCH_HTTP")
MEDIA_MAX_BYTES = env.whole("MEDIA_MAX_BYTES", 10 * 1024 * 1024, least=1024)
MEDIA_MAX_URLS = env.whole("MEDIA_MAX_URLS", 16, least=1, most=256)

# --- who may ask -----------------------------------------------------------------------------------------------------
REQUIRE_KEY = env.flag("REQUIRE_KEY")
BOOTSTRAP_CLIENT_KEY = env.secret("BOOTSTRAP_CLIENT_KEY")
BOOTSTRAP_ADMIN_KEY = env.secret("BOOTSTRAP_ADMIN_KEY")
ALLOW_INSECURE_KEYLESS = env.flag("ALLOW_INSECURE_KEYLESS")
ALLOW_QUERY_KEY = env.flag("ALLOW_QUERY_KEY")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ("localhost", "127.0.0.1", "[::1]"))
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS")
TRUSTED_PROXIES = env.words("TRUSTED_PROXIES")
CORS_ALLOWED_ORIGINS = [origin.lower().rstrip("/") for origin in env.words("CORS_ALLOWED_ORIGINS")]
TLS = env.flag("TLS")

# --- memory ----------------------------------------------------------------------------------------------------------
MEMORY_ENABLED = env.flag("MEMORY_ENABLED", default=True)
SESSION_IDLE_SECONDS = env.seconds("SESSION_IDLE_SECONDS", 86400.0, least=1.0)
SESSION_MAX_TOKENS = env.whole("SESSION_MAX_TOKENS", 32000)
SESSION_MAX_MESSAGES = env.whole("SESSION_MAX_MESSAGES", 200)
SESSION_WAIT_SECONDS = env.seconds("SESSION_WAIT_SECONDS", 30.0)

# --- stored state: responses, conversations, chat completions ---------------------------------------------------------
STATE_RETENTION_DAYS = env.whole("STATE_RETENTION_DAYS", 0)
RESPONSE_EVENTS_SECONDS = env.seconds("RESPONSE_EVENTS_SECONDS", 600.0)
BACKGROUND_LEASE_SECONDS = env.seconds("BACKGROUND_LEASE_SECONDS", 30.0, least=1.0)
BUDGET_LEASE_SECONDS = env.seconds("BUDGET_LEASE_SECONDS", 30.0, least=1.0)

# --- stores ----------------------------------------------------------------------------------------------------------
SQLITE_SYNC = env.choice("SQLITE_SYNC", ("NORMAL", "FULL", "EXTRA", "OFF"), "NORMAL")
DATABASES: dict[str, dict[str, Any]] = {
    "default": env.database("DATABASE_URL", f"sqlite:///{DATA_DIR}/gateway.sqlite3")
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    make_private_database(Path(DATABASES["default"]["NAME"]))
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        # Without IMMEDIATE, a transaction that reads before it writes fails with "database is locked" under load.
        "transaction_mode": "IMMEDIATE",
        "init_command": (
            f"PRAGMA journal_mode=WAL; PRAGMA synchronous={SQLITE_SYNC}; PRAGMA foreign_keys=ON; "
            "PRAGMA busy_timeout=20000; PRAGMA cache_size=-16000; PRAGMA temp_store=MEMORY; "
            # Checkpoint at 16 MiB instead of 4: pages written often are then copied once.
            "PRAGMA wal_autocheckpoint=4000;"
        ),
    }
else:
    DATABASES["default"] |= {"CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Touched when an operator edits the catalogue or a mapping: every worker on this machine reads its modification time.
CATALOGUE_STAMP = DATA_DIR / "catalogue.stamp"

REDIS_URL = env.redis("REDIS_URL")
# Failed logins are counted in the cache. The limit keeps an attacker with many names from evicting the counts.
_in_process = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 10_000}}
CACHES: dict[str, dict[str, Any]] = {"default": _in_process, "process": _in_process}
if REDIS_URL:
    # A hanging Redis must cost a request less than a second (redis-py's default is five).
    CACHES["default"] = {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
    }

# --- the application -------------------------------------------------------------------------------------------------
# `gemini_gateway` and `api` stand before Daphne because `runserver` extends Daphne's, and `sessions_store` before the
# admin because it replaces some of the admin's templates.
INSTALLED_APPS = [
    "gemini_gateway",
    "api",
    "sessions_store",
    "daphne",
    "channels",
    "sessions_store.admin_config.GatewayAdminConfig",  # django.contrib.admin with our site
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
]
AUTH_USER_MODEL = "sessions_store.User"
LOGIN_REDIRECT_URL = "admin:index"
ROOT_URLCONF = "gemini_gateway.urls"
ASGI_APPLICATION = "gemini_gateway.asgi.application"

# For HTML pages: start page and admin. /v1, /healthz and /readyz use API_MIDDLEWARE only.
MIDDLEWARE = [
    "gemini_gateway.pages.trusted_proxies.TrustedProxyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "gemini_gateway.pages.content_security_policy.ContentSecurityPolicyMiddleware",
    "gemini_gateway.pages.static_files.StaticFilesMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
API_MIDDLEWARE: list[str] = []

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

REST_FRAMEWORK = {
    "EXCEPTION_HANDLER": "api.http.error_responses.exception_handler",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
FORMAT_MODULE_PATH = ["gemini_gateway.formats"]

# --- static files ----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"  # filled by `collectstatic`, only for a web server in front that serves the files
# WhiteNoise finds the files in the applications at start: the first run needs no `collectstatic`.
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ALLOW_ALL_ORIGINS = False

# --- browser security; `check --deploy` is clean once TLS is declared -------------------------------------------------
SESSION_COOKIE_AGE = 8 * 3600
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = TLS
CSRF_COOKIE_SECURE = TLS
CSRF_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = TLS
SECURE_HSTS_SECONDS = env.whole("HSTS_SECONDS", 365 * 86400) if TLS else env.whole("HSTS_SECONDS", 0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if TRUSTED_PROXIES:
    # TrustedProxyMiddleware removes this header for all other peers.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Sub-domains and the preload list belong to the domain's owner, not to one service on it.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

LOGGING = logging_config(level=LOG_LEVEL, style=LOG_FORMAT, access=ACCESS_LOG)
