#!/bin/sh
# The five commands done well: stops at the first that fails, brings packages and assets along,
# and a socket unit of systemd's holds connections while the service is restarted.
#   deploy | back
set -e
cd "$TREE"
git stash --quiet
case "$1" in
deploy) git pull --quiet ;;
back) git reset --quiet --hard HEAD~1 ;;
esac
git stash apply --quiet
git stash drop --quiet
uv pip sync --quiet --python "$VENV/bin/python" requirements.txt
[ "$1" = back ] || python manage.py migrate --noinput -v0
python manage.py collectstatic --noinput -v0
$SERVICE restart $SERVICES
