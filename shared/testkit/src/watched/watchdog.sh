# shellcheck shell=sh
# Runs the command in its arguments for as long as the parent holds the other end of standard input, however the parent
# ends. The command is killed: what it keeps is in memory only, or survives that.

# A shell gives its background jobs an empty standard input, so the parent's pipe gets a number of its own.
exec 3<&0 </dev/null

"$@" 3<&- &
server=$!
(
    read -r _ <&3
    kill -s KILL "$server"
) >/dev/null 2>&1 &
watcher=$!
wait "$server"
# The server's number may soon be another process: nobody must signal it any more.
kill "$watcher"
