/**
 * The first process of a run's container. It lives as long as whoever started it holds its input, and then for `$LEASE`
 * seconds and for as long as a step that was begun there goes on (`on_interrupt: keep`): whoever continues the run finds it.
 * Its `wait` also collects what other processes leave behind. `$RECORDS` has the claims and exit records of the run.
 */
export const HOLDER = `exec 3<&0 </dev/null
(while read -r _; do :; done <&3) & wait $!
i=0
while [ $i -lt "$LEASE" ]; do sleep 1 & wait $!; i=$((i + 1)); done
busy() {
  for c in "$RECORDS"/*.claim; do
    [ -e "$c" ] && [ ! -e "\${c%.claim}.exit" ] || continue
    read -r boot pid rest <"$c" 2>/dev/null && kill -0 "$pid" 2>/dev/null && return 0
  done
  return 1
}
while busy; do sleep 1 & wait $!; done`;

/**
 * TERM, after `$G` tenths of a second KILL, to every process of the run's commands; first they are printed, each after a
 * byte 1. Without `grep -z`, which not every image has.
 */
export const STOP_ALL = `found() {
  for f in /proc/[0-9]*/environ; do
    tr '\\0' '\\n' <"$f" 2>/dev/null | grep -qxF "PIPEWRIGHT_RUN=$R" || continue
    f=\${f#/proc/}; echo "\${f%/environ}"
  done | sort -n
}
pids=$(found)
for pid in $pids; do printf '\\001%s\\0' "$pid"; cat "/proc/$pid/cmdline" 2>/dev/null; done
for pid in $pids; do kill -TERM "$pid" 2>/dev/null; kill -CONT "$pid" 2>/dev/null; done
i=0
while pids=$(found) && [ -n "$pids" ] && [ $i -lt "$G" ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1)); done`;
