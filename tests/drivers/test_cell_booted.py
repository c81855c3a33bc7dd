"""The cell as a server has it: on a booted Debian 12, in a service that is root, as the agent is."""

import sys
from collections.abc import Iterator

import pytest

from host.machine import Machine, booted, ours, timed

pytestmark = timed

# What the agent's unit may take away, and the cell still works.
NEEDED = ("SYS_ADMIN", "CHOWN", "FOWNER", "DAC_OVERRIDE", "SETUID", "SETGID", "KILL", "LEASE")
HARDENED = (
    "PrivateTmp=yes",
    "ProtectSystem=full",
    "ProtectHome=read-only",
    "RestrictRealtime=yes",
    "NoNewPrivileges=yes",
    f"CapabilityBoundingSet={' '.join(f'CAP_{name}' for name in NEEDED)}",
)
# And what it takes for a network of the command's own.
OFFLINE = (*HARDENED[:-1], f"{HARDENED[-1]} CAP_NET_ADMIN")

PROGRAM = """
import os, sys
from fairlead.checks.ports import Command
from fairlead.drivers.commands import Commands, identity_of

tree = "/var/lib/fairlead/work/check/tree"
os.makedirs(tree)
os.chmod("/var/lib/fairlead", 0o700)
open("/var/lib/fairlead/record.sqlite", "w").write("the record")
script = '''
id -un; ls /var/lib/fairlead; cat /var/lib/fairlead/record.sqlite /etc/fairlead/server.toml
ls /run /home; systemctl is-system-running; getent hosts localhost; echo made > here
echo $(ls /sys/class/net) of $(id -u) below $(ulimit -u)
'''
limits = dict(network=False, memory=1 << 30, processes=100, disk=1 << 30)
command = Command(
    ("bash", "-c", script), tree, {"PATH": "/usr/bin:/bin"}, 20, writes=(tree,), **limits
)
end = Commands(identity=identity_of("nobody")).run(command, print)
print(end.network_on)
print(end.well, end.as_root, end.detail, os.stat(tree + "/here").st_uid)
"""


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    with booted(binds=ours()) as made:
        made.run("mkdir", "-p", "/etc/fairlead")
        made.run("sh", "-c", "echo token > /etc/fairlead/server.toml")
        yield made


@pytest.mark.parametrize(
    "properties", [(), HARDENED, OFFLINE], ids=["plain", "hardened", "offline"]
)
def test_a_service_of_root_has_its_commands_in_a_cell(
    machine: Machine, properties: tuple[str, ...]
) -> None:
    """Another user, its own tree, nothing of Fairlead's, and no way to systemd."""
    # This clone may lie where PrivateTmp= puts an empty directory.
    code = [f"BindReadOnlyPaths={path}" for path in ours()]
    options = [f"--property={one}" for one in (*properties, *code)]
    machine.run("rm", "-rf", "/var/lib/fairlead")
    machine.run("mkdir", "-p", "/var/lib/fairlead")
    run = ("systemd-run", "--quiet", "--pipe", "--wait", "--collect", *options)
    said = machine.run(*run, sys.executable, "-c", PROGRAM, check=False)
    heard = said.stdout.splitlines()
    assert heard[:2] == ["nobody", "work"], said
    assert heard[-1] == "True False  0", said
    # Who may make a network and nothing in it leaves things as they are, and says so.
    assert heard[-2] == str("NET_ADMIN" not in str(properties) and bool(properties))
    assert heard[-3].endswith("of 65534 below 200")
    assert not [line for line in heard if "the record" in line or "token" in line]
    assert "running" not in heard
    assert [line for line in heard if "localhost" in line]
