"""The admin's latency: logs in over HTTP and times the first page of the usage records."""

import http.cookiejar
import re
import statistics
import time
import urllib.error
import urllib.parse
import urllib.request

from benchmarks import targets
from benchmarks.targets import Target

NAME, PASSWORD = "benchmark", "benchmark-only-on-loopback"
USAGE_PAGE = "/admin/sessions_store/usagerecord/"
LOGIN_PAGE = "/admin/login/"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
VIEWS = 5


def first_page_ms(target: Target) -> float:
    """Return the median latency in ms of the usage list's first page for a new operator; NaN if the page fails."""
    targets.manage(target, "createsuperuser", "--noinput", "--username", NAME, "--email", "benchmark@example.com",
                   DJANGO_SUPERUSER_PASSWORD=PASSWORD)  # fmt: skip
    base = f"http://127.0.0.1:{target.port}"
    cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), cookies)
    try:
        form = TOKEN.search(browser.open(f"{base}{LOGIN_PAGE}").read().decode())
        if form is None:
            return float("nan")
        fields = {"username": NAME, "password": PASSWORD, "csrfmiddlewaretoken": form[1], "next": USAGE_PAGE}
        browser.open(f"{base}{LOGIN_PAGE}", urllib.parse.urlencode(fields).encode())
        times = []
        for _ in range(VIEWS):
            began = time.monotonic()
            browser.open(f"{base}{USAGE_PAGE}").read()
            times.append((time.monotonic() - began) * 1000)
    except urllib.error.HTTPError:
        return float("nan")
    return statistics.median(times)
