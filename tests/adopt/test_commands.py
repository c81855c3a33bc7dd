"""A unit's command as a role's."""

import pytest

from fairlead.adopt.commands import told
from fairlead.adopt.model import At, Clone, Living, Unit, Variable, Words
from fairlead.base.secret import Secret

CLONE = "/srv/x"
CASES = [
    (
        "x.service",
        "/srv/x/.venv/bin/gunicorn -w 3 -b 127.0.0.1:8000 --pid /run/x.pid -c /srv/x/conf.py x.wsgi",
        ("web", "gunicorn --bind unix:{socket} -w 3 -c conf.py x.wsgi"),
    ),
    (
        "x.service",
        "/srv/x/venv/bin/python -m gunicorn --bind=unix:/run/x.sock x.wsgi:application",
        ("web", "gunicorn --bind unix:{socket} x.wsgi:application"),
    ),
    (
        "x.service",
        "/srv/x/venv/bin/daphne -p 8001 x.asgi:application",
        ("web", "daphne -u {socket} x.asgi:application"),
    ),
    (
        "x-celery.service",
        "/srv/x/venv/bin/celery -A x worker -l info",
        ("worker", "celery -A x worker -l info"),
    ),
    (
        "x-mail.service",
        "/srv/x/venv/bin/celery -A x worker -Q mail",
        ("mail", "celery -A x worker -Q mail"),
    ),
    (
        "x-beat.service",
        "/srv/x/venv/bin/celery -A x beat",
        ("clock", "celery -A x beat --schedule {data}/celerybeat-schedule"),
    ),
    (
        "x-fetch.service",
        "/srv/x/venv/bin/python manage.py fetch --forever",
        ("fetch", "python manage.py fetch --forever"),
    ),
]


def living(name: str, command: str, **more: object) -> tuple[Unit, Living]:
    words = Words(tuple(command.split()), At("/etc/x", 1))
    unit = Unit(name, "service", At("/etc/x", 1), commands=(words,), directory=CLONE, **more)  # type: ignore[arg-type]
    return unit, Living(Clone(CLONE, "0" * 40, "main", ""), units=(unit,))


@pytest.mark.parametrize(("name", "command", "expected"), CASES)
def test_a_command_is_told_where_to_listen(
    name: str, command: str, expected: tuple[str, str]
) -> None:
    """Its own address, paths of the machine and the virtual environment are left out."""
    found = told(*living(name, command))
    assert found is not None
    assert (found.role, found.command) == expected


def test_a_program_that_is_told_its_port_takes_traffic() -> None:
    """By PORT, as most of them are."""
    port = Variable("PORT", Secret("3000"), At("/etc/x", 2))
    found = told(*living("x.service", "/usr/bin/node server.js", variables=(port,)))
    assert found is not None
    assert found.command == "env PORT={port} node server.js"
