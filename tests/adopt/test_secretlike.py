"""What is to be sealed, and what is not."""

import pytest

from fairlead.adopt.secretlike import why_secret

SECRET = [
    ("SECRET_KEY", "short"),
    ("EMAIL_HOST_PASSWORD", "x"),
    ("STRIPE_KEY", "anything"),
    ("apiKey", "live-9f8e7d"),
    ("ANYTHING", "postgres://u:p@h/d"),
    ("ANYTHING", "https://0123456789abcdef01@sentry.example/1"),
    ("ANYTHING", "ghp_0123456789abcdefghijABCDEF"),
    ("ANYTHING", "-----BEGIN RSA PRIVATE KEY-----\nMII"),
    ("ANYTHING", "k3Jq9vX2mZ7pL4tR"),
]
PLAIN = [
    ("DEBUG", "False"),
    ("SECRET_KEY", ""),
    ("ALLOWED_HOSTS", "shop.example,www.shop.example"),
    ("DJANGO_SETTINGS_MODULE", "shop.settings.production"),
    ("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend"),
    ("REDIS_URL", "redis://127.0.0.1:6379/0"),
    ("DATABASE_URL", "postgres:///shop"),
    ("MEDIA_ROOT", "/srv/shop/media/2024/uploads"),
    ("TIME_ZONE", "Europe/Berlin"),
    ("ADMIN", "ada@shop.example"),
    ("SESSION_COOKIE_AGE", "1209600"),
    ("SESSION_COOKIE_SECURE", "True"),
    ("CSRF_HEADER_NAME", "HTTP_X_XSRF_TOKEN"),
    ("PUBLIC_KEY", "pk"),
    ("PASSWORD_RESET_TIMEOUT", "3600"),
]


@pytest.mark.parametrize(("name", "value"), SECRET)
def test_a_secret_is_told(name: str, value: str) -> None:
    """By its name or its form."""
    assert why_secret(name, value)


@pytest.mark.parametrize(("name", "value"), PLAIN)
def test_a_plain_setting_is_none(name: str, value: str) -> None:
    """Hosts, paths, modules, numbers, switches, and names that only sound like it."""
    assert why_secret(name, value) == ""
