"""What a careful administrator lays on a Debian host by hand around a peer's deploy: units of
systemd's and a site of nginx's."""

ROOT = "/srv/riverside"
VENV = f"{ROOT}/venv"
APP = "127.0.0.1:8001"
LISTEN = "127.0.0.1:8080"

SERVICES = ("riverside-web", "riverside-collect", "riverside-forecast")

# The app's own command (its fairlead.toml) with two processes. Without the limit on its shutdown
# a restart was seen to last until systemd's 90 s.
WEB = (
    f"{VENV}/bin/uvicorn riverside.asgi:application {{where}} --workers 2 "
    "--loop asyncio --http httptools --ws wsproto --no-access-log "
    "--timeout-keep-alive 150 --timeout-graceful-shutdown 32"
)

SOCKET = """\
[Socket]
ListenStream=/run/riverside.sock

[Install]
WantedBy=sockets.target
"""

_UNIT = """\
[Unit]
After=network.target

[Service]
User=riverside
WorkingDirectory={live}
Environment=DATABASE_URL=sqlite:///{root}/shared/app.sqlite3
ExecStart={command}
ExecReload=/bin/kill -HUP $MAINPID
Restart=always

[Install]
WantedBy=multi-user.target
"""

_SITE = """\
upstream riverside {{
    server {app};
    keepalive 16;
}}
map $http_upgrade $connection_upgrade {{
    default upgrade;
    '' '';
}}
server {{
    listen {listen};
    location /static/ {{
        alias {live}/staticfiles/;
    }}
    location / {{
        proxy_pass http://riverside;
        proxy_http_version 1.1;
        proxy_set_header Host $host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
    }}
}}
"""


def files(live: str, socket: bool) -> dict[str, str]:
    """Every file by its path; with ``socket`` a socket unit holds the connections."""
    # By its path a reload finds what the link leads to now, and not what it led to at the start.
    port = APP.rpartition(":")[2]
    where = "--fd 3" if socket else f"--port {port} --app-dir {live}"
    commands = {
        "web": WEB.format(where=where),
        "collect": f"{VENV}/bin/python manage.py collect",
        "forecast": f"{VENV}/bin/python manage.py forecast",
    }
    units = "/etc/systemd/system"
    found = {
        f"{units}/riverside-{role}.service": _UNIT.format(live=live, root=ROOT, command=command)
        for role, command in commands.items()
    }
    app = "unix:/run/riverside.sock" if socket else APP
    found["/etc/nginx/conf.d/riverside.conf"] = _SITE.format(app=app, live=live, listen=LISTEN)
    if socket:
        found[f"{units}/riverside-web.socket"] = SOCKET
    return found
