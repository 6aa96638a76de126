# Kills what its owner started, once the owner is gone, and removes the owner's folder.
# Reads "+ PID START" and "- PID 0" from standard input, which closes when the owner ends, however it ends.
folder=$1
trap '' HUP INT TERM
watched=

# Sets state, parent and started, or fails if there is no such process. The name in parentheses may hold spaces.
look() {
    { read -r line <"/proc/$1/stat"; } 2>/dev/null || return 1
    set -- ${line##*) }
    state=$1 parent=$2 started=${20}
}

# Servers put children into sessions of their own, so groups do not hold them all. A stopped parent neither forks nor
# reaps, so that none can slip away and no id can pass to somebody else.
kill_tree() {
    kill -STOP "$1"
    for stat in /proc/[0-9]*/stat; do
        child=${stat#/proc/}
        child=${child%/stat}
        look "$child" && [ "$parent" = "$1" ] && kill_tree "$child"
    done
    kill -KILL "$1"
}

while read -r sign pid start; do
    case $sign in
    +) watched="$watched $pid:$start" ;;
    -)
        rest=
        for entry in $watched; do
            [ "${entry%%:*}" = "$pid" ] || rest="$rest $entry"
        done
        watched=$rest
        ;;
    esac
done

for entry in $watched; do
    pid=${entry%%:*} start=${entry##*:}
    # Without /proc (start is 0) the group is all there is to go by.
    if [ "$start" != 0 ]; then
        look "$pid" && [ "$started" = "$start" ] || continue
        kill_tree "$pid"
    fi
    kill -KILL -- "-$pid"
done

# A killed Postgres leaves a System V segment that would stay until the next boot. Line 7 of its lock file names it.
for lock in "$folder"/*/data/postmaster.pid; do
    [ -f "$lock" ] && set -- $(sed -n 7p "$lock") && [ -n "$2" ] && ipcrm -m "$2"
done

# The killed may need a moment to let go.
for attempt in 1 2 3 4 5 6 7 8 9 10; do
    rm -rf -- "$folder" && [ ! -e "$folder" ] && break
    sleep 0.1
done
