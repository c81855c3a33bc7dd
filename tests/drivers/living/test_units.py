"""Unit files read as systemd reads them."""

from pathlib import Path

import pytest

from fairlead.adopt.model import At
from fairlead.drivers.living import units
from fairlead.drivers.living.addresses import addresses
from fairlead.drivers.living.tree import Tree

ETC = "etc/systemd/system"


class Root:
    """A server's tree, written file by file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.tree = Tree(path)

    def write(self, name: str, text: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def link(self, name: str, target: str) -> None:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(target)

    def unit(self, name: str) -> units.Unit:
        found = units.read(self.tree, name)
        assert found is not None
        return found


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path)


def test_a_line_goes_on_and_comments_stand_between(root: Root) -> None:
    """systemd.syntax(7): a backslash, then lines that begin with # or ; are no part of it."""
    root.write(f"{ETC}/a.service", "[Service]\n; no\nExecStart=/bin/a \\\n# x\n  --b \\\n --c\n")
    (command,) = root.unit("a.service").commands
    assert command.words == ("/bin/a", "--b", "--c")
    assert command.at == At(f"/{ETC}/a.service", 3)


def test_drop_ins_count_in_the_order_of_their_names(root: Root) -> None:
    """The first directory's of a name; an empty value forgets what was listed before."""
    root.write("lib/systemd/system/a.service", "[Service]\nExecStart=/bin/a\nUser=x\n")
    root.write("lib/systemd/system/a.service.d/20.conf", "[Service]\nUser=lib\n")
    root.write(f"{ETC}/a.service.d/20.conf", "[Service]\nUser=etc\n")
    root.write(f"{ETC}/a.service.d/10.conf", "[Service]\nExecStart=\nExecStart=-/bin/b\nUser=y\n")
    found = root.unit("a.service")
    assert ([c.words for c in found.commands], found.user) == ([("/bin/b",)], "etc")
    assert [file.rpartition("/")[2] for file in found.files] == ["a.service", "10.conf", "20.conf"]


def test_an_instance_is_read_from_its_template(root: Root) -> None:
    """Where it is enabled, with its name filled in."""
    root.write(f"{ETC}/api@.service", "[Service]\nExecStart=/bin/api --port %i --name %n\n")
    root.link(f"{ETC}/multi-user.target.wants/api@81.service", f"/{ETC}/api@.service")
    assert units.names(root.tree) == ("api@81.service",)
    found = root.unit("api@81.service")
    assert found.commands[0].words == ("/bin/api", "--port", "81", "--name", "api@81.service")
    assert found.enabled


def test_a_masked_unit_is_none(root: Root) -> None:
    """A link to /dev/null, whatever lies in another directory."""
    root.write("lib/systemd/system/a.service", "[Service]\nExecStart=/bin/a\n")
    root.link(f"{ETC}/a.service", "/dev/null")
    assert units.read(root.tree, "a.service") is None


def test_environment_is_read_word_by_word(root: Root) -> None:
    """systemd.exec(5): quoted words, several lines, the last of a name."""
    text = '[Service]\nExecStart=/x\nEnvironment="A=one two" B=2\nEnvironment=B=3 C=\n'
    root.write(f"{ETC}/a.service", text)
    found = {v.name: (v.value.reveal(), v.at.line) for v in root.unit("a.service").variables}
    assert found == {"A": ("one two", 3), "B": ("3", 4), "C": ("", 4)}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("/v/bin/gunicorn --bind unix:/run/a.sock x", ["unix//run/a.sock"]),
        ("/v/bin/gunicorn -b 0.0.0.0:8001 x", ["127.0.0.1:8001"]),
        ("/v/bin/gunicorn --bind=unix:a.sock x", ["unix//srv/a/a.sock"]),
        ("/v/bin/uvicorn --port 81 --host 127.0.0.1 x:y", ["127.0.0.1:81"]),
        ("/v/bin/daphne -u /run/d.sock x", ["unix//run/d.sock"]),
        ("/v/bin/python -m uvicorn x:y", ["127.0.0.1:8000"]),
        ("/v/bin/gunicorn -c conf.py x", ["unix//run/conf.sock"]),
        ("/usr/bin/sleep 5", []),
    ],
)
def test_where_a_command_listens_is_found(root: Root, command: str, expected: list[str]) -> None:
    """By its options, its own file, or where it listens when nothing says otherwise."""
    root.write("srv/a/conf.py", 'workers = 2\nbind = "unix:/run/conf.sock"\n')
    text = f"[Service]\nWorkingDirectory=/srv/a\nExecStart={command}\n"
    root.write(f"{ETC}/a.service", text)
    assert list(addresses(root.unit("a.service"), root.tree)) == expected


def test_a_link_of_the_server_stays_on_the_server(root: Root) -> None:
    """An absolute one, one with dots, and one that leads in a circle."""
    root.write("srv/real/x", "1")
    root.link("srv/current", "/srv/real")
    root.link("srv/up", "../../../../srv/real")
    root.link("srv/round", "/srv/round")
    assert root.tree.text("/srv/current/x") == "1"
    assert root.tree.text("/srv/up/x") == "1"
    assert root.tree.text("/srv/round/x") is None
    assert root.tree.real("/srv/current/../real/x") == "/srv/real/x"
