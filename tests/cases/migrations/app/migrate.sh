# Runs the files of migrations/ that the database has not run, in the order of their names.
set -eu
ask() { psql -XAtq -v ON_ERROR_STOP=1 -d "$DATABASE_URL" "$@"; }
there=$(ask -c "SET client_min_messages = warning" \
    -c "CREATE TABLE IF NOT EXISTS done (name text PRIMARY KEY)" -c "SELECT name FROM done")
for file in migrations/*.sql; do
    case " $(echo $there) " in
        *" ${file#*/} "*) ;;
        *) ask -f "$file" -c "INSERT INTO done VALUES ('${file#*/}')" ;;
    esac
done
