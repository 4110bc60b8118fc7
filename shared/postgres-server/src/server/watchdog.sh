# shellcheck shell=sh
# Runs a PostgreSQL server for as long as the parent holds the other end of standard input, however the parent ends.
# Arguments: the programs' folder, the cluster's folder, the signal that ends the server, the folder to remove in the
# end (or an empty word), the server's options.
programs=$1 cluster=$2 signal=$3 temporary=$4
shift 4

# A shell gives its background jobs an empty standard input, so the parent's pipe gets a number of its own.
exec 3<&0 </dev/null

# The data are renamed when they are complete: what an interrupted initdb leaves is never taken for a cluster.
initialise() {
    rm -rf "$cluster/data.new"
    "$programs/initdb" --pgdata="$cluster/data.new" --username=postgres --pwfile="$cluster/password" \
        --auth=scram-sha-256 --encoding=UTF8 --locale=C --no-instructions ${temporary:+--no-sync} &&
        rm "$cluster/password" &&
        mv "$cluster/data.new" "$cluster/data"
}

if [ -d "$cluster/data" ] || initialise; then
    "$programs/postgres" -D "$cluster/data" "$@" 3<&- &
    server=$!
    # From here on only the server has the log open: the lock on it tells whether the server lives.
    exec >/dev/null 2>&1
    (
        read -r _ <&3
        # A shell's background job ignores the other signals until the server has set its own handlers.
        kill -s TERM "$server"
        kill -s "$signal" "$server"
    ) &
    watcher=$!
    wait "$server"
    # The server's number may soon be another process: nobody must signal it any more.
    kill "$watcher"
fi

exec >/dev/null 2>&1
read -r _ <&3
[ -z "$temporary" ] || rm -rf "$temporary"
