"""What Piku's own installation lays on a Debian host, and what an app of its brings along.

Piku is one file, which is given and never kept here; uWSGI comes as pyuwsgi's wheel.
"""

HOME = "/home/piku"
PROGRAM = f"{HOME}/piku.py"
ENVIRONMENT = "/opt/piku"
PACKAGES = ("click", "virtualenv", "pyuwsgi")
LISTEN = "127.0.0.1:80"

FILES = {
    # uWSGI starts itself again by the Python below the environment: so that finds it, too.
    "/usr/local/bin/uwsgi-piku": f"""\
#!/bin/sh
export PYTHONPATH=$(echo {ENVIRONMENT}/lib/python3*/site-packages)
exec {ENVIRONMENT}/bin/uwsgi --emperor-wrapper /usr/local/bin/uwsgi-vassal "$@"
""",
    "/usr/local/bin/uwsgi-vassal": f"""\
#!/bin/sh
export PYTHONPATH=$(echo {ENVIRONMENT}/lib/python3*/site-packages)
exec {ENVIRONMENT}/bin/uwsgi "$@"
""",
    "/etc/systemd/system/uwsgi-piku.service": f"""\
[Service]
ExecStart=/usr/local/bin/uwsgi-piku --ini {HOME}/.piku/uwsgi/uwsgi.ini
User=piku
Group=www-data
RuntimeDirectory=uwsgi-piku
Restart=always
KillSignal=SIGQUIT

[Install]
WantedBy=multi-user.target
""",
    "/etc/systemd/system/piku-nginx.path": f"""\
[Path]
PathChanged={HOME}/.piku/nginx

[Install]
WantedBy=multi-user.target
""",
    "/etc/systemd/system/piku-nginx.service": """\
[Service]
Type=simple
ExecStart=/usr/bin/systemctl reload nginx
""",
    "/etc/nginx/conf.d/piku.conf": f"include {HOME}/.piku/nginx/*.conf;\n",
}

APP = {
    "Procfile": """\
web: sh serve.sh
collect: python manage.py collect
forecast: python manage.py forecast
release: sh release.sh
""",
    "serve.sh": """\
exec uvicorn riverside.asgi:application --port $PORT --workers 2 --loop asyncio \\
    --http httptools --ws wsproto --no-access-log \\
    --timeout-keep-alive 150 --timeout-graceful-shutdown 32
""",
    "release.sh": """\
python manage.py migrate --noinput -v0 && python manage.py collectstatic --noinput -v0
""",
    "ENV": f"""\
DATABASE_URL=sqlite:///{HOME}/app.sqlite3
NGINX_SERVER_NAME=127.0.0.1
NGINX_IPV4_ADDRESS=127.0.0.1
DISABLE_IPV6=true
NGINX_STATIC_PATHS=/static/:staticfiles/
""",
}
