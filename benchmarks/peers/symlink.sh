#!/bin/sh
# A symlink-and-reload deploy: a fresh directory per release, what is shared linked into it,
# `current` moved by one rename, services restarted, the last five directories kept.
# The order is Capistrano's: check, update, symlink shared, install, assets, migrate, publish,
# restart, clean up.
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
    $UV pip sync --quiet --python "$VENV/bin/python" requirements.txt
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
$SERVICE restart $SERVICES
[ "$1" = back ] || ls -d "$ROOT"/releases/* | sort | head -n -5 | xargs -r rm -rf
