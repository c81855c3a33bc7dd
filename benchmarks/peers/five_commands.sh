#!/bin/sh
# The five commands, as they are typed on the server. $TREE is the live tree; it holds a change
# that was made there and never committed.
#   deploy | back
cd "$TREE"
git stash --quiet
case "$1" in
deploy) git pull --quiet ;;
back) git reset --quiet --hard HEAD~1 ;;
esac
[ "$1" = deploy ] && python manage.py migrate --noinput -v0
git stash apply --quiet
$SERVICE restart $SERVICES
