#!/bin/sh
# A directory for each release, `current` moved by one rename, the web server reloaded by systemd:
# the order and the layout are Capistrano's (check, update, symlink shared, assets, migrate,
# publish, reload, clean up; the last five are kept). Going back: the directory before, reload.
#   deploy | back
set -e
cd "$ROOT"
point() { ln -s "$1" current.new && mv -T current.new current; }
case "$1" in
deploy)
    release="$ROOT/releases/$(date +%Y%m%d%H%M%S%N)"
    mkdir -p "$release" shared/log
    git --git-dir repo remote update >/dev/null 2>&1
    git --git-dir repo archive main | tar -x -f - -C "$release"
    ln -s "$ROOT/shared/log" "$release/log"
    cd "$release"
    uv pip sync --quiet --python "$VENV/bin/python" requirements.txt
    python manage.py collectstatic --noinput -v0
    python manage.py migrate --noinput -v0
    cd "$ROOT"
    point "$release"
    ;;
back)
    now=$(readlink current)
    point "$(ls -d "$ROOT"/releases/* | sort | grep -B1 -x "$now" | head -n 1)"
    ;;
esac
$SERVICE reload riverside-web
$SERVICE restart riverside-collect riverside-forecast
[ "$1" = back ] || ls -d "$ROOT"/releases/* | sort | head -n -5 | xargs -r rm -rf
