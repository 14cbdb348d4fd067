"""The paths of HTML pages: start page, set-up link and admin. `api.urls` has the API's paths."""

from django.conf import settings
from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from gemini_gateway.pages.start_page import start_page
from gemini_gateway.startup.setup_link import first_operator

handler404 = "gemini_gateway.pages.not_found.not_found"

urlpatterns = [
    path("", start_page, name="start"),
    path("v1", start_page),  # for browsers only: gemini_gateway.asgi
    path("v1/", start_page),
    path("setup/<str:token>", first_operator, name="first-operator"),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}gateway/mark.svg")),
    path("admin/", admin.site.urls),
]
