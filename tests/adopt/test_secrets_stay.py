"""No value that was taken for a secret is in a file of the proposal but ``secrets.env``."""

import difflib

from hypothesis import example, given
from hypothesis import strategies as st

from fairlead.adopt import papers
from fairlead.adopt.literals import applied, from_environment, secret_literals
from fairlead.adopt.model import At, ChangedFile, Clone, Living, Unit, Variable, Words
from fairlead.adopt.rules import Wanted, propose
from fairlead.base.secret import Secret
from fairlead.secrets import dotenv

NAMES = st.sampled_from(
    ["SECRET_KEY", "API_TOKEN", "EMAIL_HOST_PASSWORD", "STRIPE_KEY", "X_SECRET", "db_password"]
)
PLAIN = st.sampled_from(["PAGE_SIZE", "LANGUAGE_CODE", "EMAIL_HOST", "TITLE"])
ALPHABET = st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=("Cs",))
VALUES = st.text(ALPHABET, min_size=8, max_size=30).map(
    lambda v: f"q7{v}"
)  # in no text of ours by chance
FORMS = st.sampled_from(
    [
        "{name} = {value!r}",
        "{name}: str = {value!r}",
        "DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'NAME': 'x', "
        "'PASSWORD': {value!r}}}}}",
        "DATABASES['default']['PASSWORD'] = {value!r}",
        "{name} = os.environ.get('{name}', {value!r})",
        "{name} = f'{{PREFIX}}' + {value!r}",
        "{name} = [{value!r}]",
        "connect({name}={value!r})",
        "if True:\n    {name} = {value!r}",
        "{name} = ({value!r}\n  )",
        "{name} = {value!r}  # not {value!r}",
        "URL = 'postgres://u:' + {value!r} + '@h/x'; {name} = {value!r}",
    ]
)
LINE = st.tuples(FORMS, NAMES, VALUES) | st.tuples(st.just("{name} = {value!r}"), PLAIN, VALUES)
MANAGE = "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'site_.settings')\n"


def living(lines: list[tuple[str, str, str]], variables: list[tuple[str, str]]) -> Living:
    text = "\n".join(form.format(name=name, value=value) for form, name, value in lines)
    before = b'SECRET_KEY = "for-development"\nDEBUG = True\n'
    clone = Clone(
        path="/srv/site", commit="0" * 40, branch="main", digest="sha256:" + "0" * 64,
        changed=(ChangedFile("site_/settings.py", before, f"import os\n{text}\n".encode()),),
    )  # fmt: skip
    command = ("/srv/site/venv/bin/gunicorn", "site_.wsgi")
    unit = Unit(
        "site.service", "service", At("/etc/x", 1), commands=(Words(command, At("/etc/x")),)
    )
    found = tuple(Variable(n, Secret(v), At("/srv/site/.env", 1)) for n, v in variables)
    return Living(clone, units=(unit,), variables=found)


def files_of(seen: Living) -> tuple[dict[str, str], list[str]]:
    texts = {"manage.py": MANAGE, "requirements.txt": "django\n"}
    changed = {f.path: (f.after or b"").decode() for f in seen.clone.changed}
    proposal = propose(seen, {**texts, **changed}, (), Wanted("", "production", False))
    patch = "".join(
        line
        for file in proposal.overlay
        for line in difflib.unified_diff(
            (file.before or b"").decode().splitlines(True),
            (file.after or b"").decode().splitlines(True),
        )
    )
    made = papers.written(proposal, seen, patch.encode())
    return {name: data.decode() for name, data in made.items()}, [
        one.value.reveal() for one in proposal.secrets
    ]


@given(st.lists(LINE, max_size=6), st.lists(st.tuples(NAMES | PLAIN, VALUES), max_size=3))
@example([("{name} = {value!r}", "SECRET_KEY", "aaaa'bbbb\"cc")], [])
@example([("{name} = {value!r}", "SECRET_KEY", "geheim-123")], [("API_TOKEN", "geheim-123")])
def test_no_secret_leaves_secrets_env(lines, variables):
    """Whatever the settings file looks like: sealed, or its file is held back."""
    files, secrets = files_of(living(lines, variables))
    shown = {name: text for name, text in files.items() if name != papers.SECRETS}
    values = [value for value in secrets if len(value.strip()) >= 8]
    assert [(v, n) for v in values for n, text in shown.items() if v in text] == []


@given(st.lists(st.tuples(FORMS, NAMES, VALUES), min_size=1, max_size=4))
def test_a_value_with_a_secrets_name_is_sealed_or_held(lines):
    """It is in no file that is proposed but ``secrets.env``, in whatever way it is written."""
    files, _ = files_of(living(lines, []))
    overlay = files[papers.PATCH]
    assert [value for _, _, value in lines if repr(value) in overlay] == []


@given(st.dictionaries(NAMES, st.text(ALPHABET, min_size=1, max_size=40), max_size=5))
def test_secrets_env_reads_back(values):
    """Each value, whatever characters it has."""
    text = "".join(f"{name}={papers.quoted(value)}\n" for name, value in values.items())
    assert {n: s.reveal() for n, s in dotenv.parse(text, "x").items()} == values


@given(st.lists(st.tuples(FORMS, NAMES, VALUES), max_size=4))
def test_a_rewritten_file_is_the_same_but_for_the_values(lines):
    """It parses, and holds no literal any more that could be replaced."""
    text = "\n".join(form.format(name=name, value=value) for form, name, value in lines)
    changes = [c for x in secret_literals(text) if (c := from_environment(x))]
    done = applied(text, changes)
    compile(done, "settings.py", "exec")
    assert not [x for x in secret_literals(done) if x.simple]
