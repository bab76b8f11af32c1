/*
 * Leases lie on the host that they are about, one file each, so that every process and machine that uses the host
 * sees them: `<id>.lease` is held, `<id>.wait` stands in the queue. A line: expires, since (seconds by the host's
 * clock), run, by, what (`gpu=1,memory=8000000000`), which (`gpu=0`; `-`).
 *
 * All of it happens under one lock that the kernel takes back when a process dies. One that has expired is held on
 * to while a process of its run is still there: a job that outlived its Pipewright still uses what it has.
 * Older ones in the queue count as if they had what they wait for, so nobody overtakes them for ever.
 */

/** VERB: `look`, `take`, `drop`. */
export const LEASE = `
umask 077; mkdir -p "$DIR" && cd "$DIR" || exit 1
if command -v flock >/dev/null 2>&1; then
  exec 9>lock && flock -w 10 9 || { echo busy; exit 0; }
else
  i=0
  until mkdir lock.d 2>/dev/null; do
    [ -n "$(find lock.d -maxdepth 0 -mmin +1 2>/dev/null)" ] && rmdir lock.d 2>/dev/null
    i=$((i + 1)); [ $i -gt 50 ] && { echo busy; exit 0; }
    sleep 0.2 2>/dev/null || sleep 1
  done
  trap 'rmdir lock.d' EXIT
fi
now=$(date +%s)
alive() { [ -n "$(grep -lzxF "PIPEWRIGHT_RUN=$1" /proc/[0-9]*/environ 2>/dev/null)" ]; }
for f in *.lease *.wait; do
  [ -f "$f" ] || continue
  expires=''; read -r expires since run rest < "$f"
  case $expires in '' | *[!0-9]*) rm -f "$f"; continue ;; esac
  [ "$expires" -ge "$now" ] && continue
  case $f in
    "$ID.lease" | "$ID.wait") ;;
    *.lease) alive "$run" || { rm -f "$f"; echo "reclaimed $run"; } ;;
    *) rm -f "$f" ;;
  esac
done
if [ "$VERB" = drop ]; then rm -f "$ID.lease" "$ID.wait"; echo dropped; exit 0; fi
export now
set -- $(ls -1 | grep -E '[.](lease|wait)$')
answer=$(awk '
function add(to, text,   parts, n, i, pair) {
  n = split(text, parts, ",")
  for (i = 1; i <= n; i++) { split(parts[i], pair, "="); to[pair[1]] += pair[2] }
}
BEGIN { id = ENVIRON["ID"]; add(total, ENVIRON["TOTAL"]); add(ask, ENVIRON["ASK"]); mine = ENVIRON["now"] + 0; order = id }
{
  name = FILENAME; kind = name; sub(/.*[.]/, "", kind); sub(/[.][a-z]*$/, "", name)
  if (kind == "lease" && name == id) { held = 1; since = $2; units = $6; next }
  if (kind == "lease") {
    add(used, $5)
    if ($6 ~ /^gpu=/) { n = split(substr($6, 5), taken, "+"); for (i = 1; i <= n; i++) busy[taken[i]] = 1 }
    print "held", $3, $4, $2, $5
  } else if (name == id) mine = $2
  else { waits[name] = $2; wants[name] = $5 }
}
END {
  for (name in total) printf "used %s %.3f %.3f\\n", name, used[name], total[name]
  for (name in waits) queue += 1
  printf "queue %d\\n", queue
  if (ENVIRON["VERB"] == "look") exit
  if (held) { print "got", since, units; exit }
  for (name in waits) if (waits[name] < mine || (waits[name] == mine && name < order)) { add(ahead, wants[name]); before += 1 }
  for (name in ask) if (used[name] + ask[name] > total[name] + 0.0001) { print "full", name, mine; exit }
  for (name in ask) if (used[name] + ahead[name] + ask[name] > total[name] + 0.0001) { print "behind", before, mine; exit }
  units = "-"
  for (i = 0; ask["gpu"] > 0 && i < total["gpu"]; i++)
    if (!(i in busy)) { units = (units == "-" ? "gpu=" : units "+") i; if (++given == ask["gpu"]) break }
  print "got", ENVIRON["now"], units
}' /dev/null "$@") || exit 1
printf '%s\\n' "$answer"
write() { printf '%s\\n' "$2" > ".$ID.new" && mv -f ".$ID.new" "$1"; }
if [ "$VERB" = look ]; then
  cut -d' ' -f1 /proc/loadavg 2>/dev/null | sed 's/^/load /'
  echo "cores $(getconf _NPROCESSORS_ONLN 2>/dev/null)"
  awk '/^MemAvailable:/ { printf "memory %.0f\\n", $2 * 1024 }' /proc/meminfo 2>/dev/null
  (cd "$HOME" && cd "$WORKDIR" 2>/dev/null; df -Pk . | awk 'NR == 2 { printf "disk %.0f\\n", $4 * 1024 }')
  command -v nvidia-smi >/dev/null 2>&1 && echo "gpus $(nvidia-smi -L 2>/dev/null | grep -c '^GPU')"
  exit 0
fi
case $answer in
  *"
got "* | "got "*)
    line=$(printf '%s\\n' "$answer" | grep '^got '); set -- $line
    write "$ID.lease" "$((now + TTL_S)) $2 $RUN $BY $ASK $3" || exit 1
    rm -f "$ID.wait" ;;
  *)
    since=$(printf '%s\\n' "$answer" | awk '$1 == "full" || $1 == "behind" { print $3; exit }')
    write "$ID.wait" "$((now + WAIT_S)) $since $RUN $BY $ASK -" || exit 1 ;;
esac
`;
