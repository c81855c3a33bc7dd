"""What a server should have, as one value. Pure.

Paths are those of a real server; a driver may put a prefix before them.
"""

from fairlead.server.model import (
    Directory,
    File,
    Link,
    Package,
    Program,
    Settings,
    Unit,
    User,
    Wanted,
)
from fairlead.server.settings import FILE as SETTINGS
from fairlead.server.settings import text_of

GIT = "fairlead"
BUILD = "fairlead-build"
HOME = "/var/lib/fairlead"
PROGRAMS = "/opt/fairlead"
CURRENT = f"{PROGRAMS}/current"
AGENT = "fairlead-agent.service"
SSH = "ssh.service"
SYSTEMD = "systemd"
PROXIES = {"nginx": "nginx.service", "caddy": "fairlead-caddy.service"}
"""The unit of each proxy. nginx is the machine's, shared with other sites; Caddy is ours."""

HOOKS = ("pre-receive", "post-receive")
MARK = "# Written by Fairlead"
"""What every file of ours begins with, but for a script's first line."""

KEYS = f"{HOME}/authorized_keys"
SSHD = "/etc/ssh/sshd_config.d/50-fairlead.conf"
UNIT = f"/etc/systemd/system/{AGENT}"
CADDY = f"/etc/systemd/system/{PROXIES['caddy']}"
TMPFILES = "/etc/tmpfiles.d/fairlead.conf"

_MARK = f"{MARK} (fairlead server install); a change by hand is kept, and named by the doctor."


def wanted(settings: Settings, program: Program) -> Wanted:
    """All of it."""
    return Wanted(
        program=program,
        packages=_packages(settings),
        users=(
            User(GIT, f"{HOME}/git", "/bin/sh", "who people's keys log in as, to push"),
            User(BUILD, f"{HOME}/build", "/usr/sbin/nologin", "whose code under check runs as"),
        ),
        directories=_directories(),
        files=_files(settings),
        links=_links(program),
        units=(
            Unit(PROXIES[settings.proxy], "stands before the apps", settings.proxy == "nginx"),
            Unit(AGENT, "answers pushes, and brings every place to what is wanted there"),
        ),
        nudges={
            SYSTEMD: ("systemctl", "daemon-reload"),
            # Not "restart": nobody's session ends. Nothing where ssh.socket starts it on demand.
            SSH: ("systemctl", "try-reload-or-restart", SSH),
            AGENT: ("systemctl", "restart", AGENT),
        },
    )


def _packages(settings: Settings) -> tuple[Package, ...]:
    git = Package("git", "/usr/bin/git", "takes pushes")
    ssh = Package("openssh-server", "/usr/sbin/sshd", "lets people push")
    nginx = Package("nginx-light", "/usr/sbin/nginx", "stands before the apps")
    acme = Package("acme-tiny", "/usr/bin/acme-tiny", "gets certificates for nginx")
    return (git, ssh, nginx, acme) if settings.proxy == "nginx" else (git, ssh)


def _directories() -> tuple[Directory, ...]:
    return (
        Directory("/etc/fairlead", "settings"),
        Directory(PROGRAMS, "Fairlead itself, each version beside the others"),
        Directory(HOME, "all state; others pass through to what is theirs", 0o711),
        Directory("/run/fairlead", "sockets", 0o711),
        Directory(f"{HOME}/hooks", "what git runs at a push"),
        Directory(f"{HOME}/repositories", "what people push to", 0o750, GIT),
        Directory(f"{HOME}/git", f"{GIT}'s home: empty, and not theirs to write"),
        Directory(f"{HOME}/build", f"{BUILD}'s home", 0o700, BUILD),
        Directory("/etc/ssh/sshd_config.d", "sshd's additions"),
    )


def _files(settings: Settings) -> tuple[File, ...]:
    caddy = settings.proxy == "caddy"
    hooks = (
        File(f"{HOME}/hooks/{name}", hook(name), "asks the agent about a push", 0o755)
        for name in HOOKS
    )
    return (
        File(SETTINGS, text_of(settings), "what was decided for this machine"),
        *hooks,
        File(TMPFILES, _TMPFILES, "the directory of the sockets, at every boot"),
        File(SSHD, _SSHD, "keys of ours, and nothing but git", check=_CHECK, then=(SSH,)),
        File(UNIT, _UNIT, "starts the agent, at every boot", then=(SYSTEMD, AGENT)),
        *([File(CADDY, _CADDY, "starts Caddy", then=(SYSTEMD,))] if caddy else []),
    )


def _links(program: Program) -> tuple[Link, ...]:
    ours = f"{PROGRAMS}/"
    return (
        Link(CURRENT, program.directory, f"version {program.version} is in force", ours, (AGENT,)),
        *(
            Link(f"/usr/local/bin/{name}", f"{CURRENT}/bin/{name}", f"{name} for everybody", ours)
            for name in ("fairlead", "fairlead-shell")
        ),
    )


def hook(name: str) -> str:
    """The text of a hook: a script that becomes the hook's own process."""
    return (
        f"#!/bin/sh\n{_MARK}\n"
        f'exec {CURRENT}/bin/python -I -m fairlead.cli.hook {HOME} hook {name} "$@"\n'
    )


_TMPFILES = f"""\
{_MARK}
d /run/fairlead 0711 root root -
"""

_CHECK = ("/usr/sbin/sshd", "-t")

_SSHD = f"""\
{_MARK}
# The user of all pushes. Each key runs one program of Fairlead's, and that only (see the file of
# keys); what follows holds even for a key whose line would say otherwise.
Match User {GIT}
    AuthorizedKeysFile {KEYS}
    AuthorizedKeysCommand none
    AuthenticationMethods publickey
    DisableForwarding yes
    PermitTTY no
    PermitUserRC no
"""

# What builds print and take is the agent's: they are its children. So their memory counts here,
# and one that wants too much is ended alone (OOMPolicy=continue) before an app is.
# Not ProtectSystem=full: it makes users, units and the proxy's files. Not PrivateDevices=,
# RestrictNamespaces=, NoNewPrivileges=: what it runs others as, it sets up itself.
_UNIT = f"""\
{_MARK}
[Unit]
Description=Fairlead's agent
After=network.target local-fs.target systemd-tmpfiles-setup.service
StartLimitIntervalSec=0

[Service]
Type=exec
ExecStart={CURRENT}/bin/fairlead-agent {HOME}
WorkingDirectory={HOME}
Environment=HOME={HOME} LANG=C.UTF-8
UMask=0022
Restart=always
RestartSec=200ms
KillMode=mixed
TimeoutStopSec=20
OOMPolicy=continue
MemoryMax=75%
TasksMax=2048
LimitNOFILE=65536
ProtectSystem=true
ProtectHome=yes
PrivateTmp=yes
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=~CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_BOOT CAP_SYS_TIME CAP_MAC_ADMIN \
CAP_MAC_OVERRIDE CAP_BPF CAP_PERFMON CAP_SYS_PACCT CAP_WAKE_ALARM CAP_NET_RAW CAP_SYSLOG \
CAP_LINUX_IMMUTABLE CAP_BLOCK_SUSPEND

[Install]
WantedBy=multi-user.target
"""

# As root for its ports and for the sockets of every app, with no other power. The agent writes
# its configuration before it starts it (drivers.caddy.process); a reload is no restart.
_CADDY = f"""\
{_MARK}
[Unit]
Description=Caddy, before Fairlead's apps
After=network.target
StartLimitIntervalSec=0

[Service]
Type=notify
ExecStart={CURRENT}/bin/caddy run --config {HOME}/proxy/caddy.json
Environment=HOME={HOME}/proxy/caddy XDG_CONFIG_HOME={HOME}/proxy/caddy/config
Environment=XDG_DATA_HOME={HOME}/proxy/caddy/data GOMEMLIMIT=96MiB
Restart=always
RestartSec=200ms
UMask=0077
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths={HOME}/proxy /run/fairlead
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictRealtime=yes
LockPersonality=yes
SystemCallArchitectures=native
CapabilityBoundingSet=CAP_NET_BIND_SERVICE CAP_DAC_OVERRIDE

[Install]
WantedBy=multi-user.target
"""
