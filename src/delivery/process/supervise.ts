/*
 * What runs on the host, in /bin/sh: no Node is needed there for a service that needs none.
 *
 * An instance is a folder: `command`, `env` (0600) and `workdir` are written before it starts; `supervisor` (pid and
 * start time), `state` (pid and start time of the service, when it started, restarts, last exit code) and `log` by the
 * supervisor; `stop` ends it.
 */

/** Functions that the scripts share. */
export const SHELL_LIBRARY = `
since() { # a dead one that nobody has reaped has no time
  if [ -r "/proc/$1/stat" ]; then sed -n 's/^.*) \\([^ZX]\\)/\\1/p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20
  else LC_ALL=C ps -o lstart= -p "$1" 2>/dev/null | tr -s ' ' '_'; fi
}
alive() { [ -n "$1" ] && kill -0 "$1" 2>/dev/null && [ "$(since "$1")" = "$2" ]; }
signal_group() { kill "-$1" "-$2" 2>/dev/null || kill "-$1" "$2" 2>/dev/null; }
put() { cat > "$1.tmp" && mv -f "$1.tmp" "$1"; }
`;

/** `sh supervise.sh <instance folder>`: starts the service, and again when it ends, until told to stop. */
export const SUPERVISOR = `#!/bin/sh
${SHELL_LIBRARY}
umask 077
cd "$1" || exit 1
printf '%s %s\\n' "$$" "$(since $$)" | put supervisor || exit 1 # nobody could find it again
restarts=0 code=-
trap 'signal_group TERM "$pid"' TERM INT
trap '' HUP
while [ ! -e stop ]; do
  if [ -f log ] && [ "$(wc -c < log)" -gt 20000000 ]; then mv -f log log.1; fi
  (
    trap - TERM INT HUP
    umask 022
    set -a; . ./env; set +a
    command=$(cat command)
    cd "$(cat workdir)" || exit 126
    if command -v setsid >/dev/null 2>&1; then exec setsid sh -c "$command"; else exec sh -c "$command"; fi
  ) </dev/null >>log 2>&1 &
  pid=$!
  started=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  printf '%s %s %s %s %s\\n' "$pid" "$(since "$pid")" "$started" "$restarts" "$code" | put state
  wait "$pid"; code=$?
  while kill -0 "$pid" 2>/dev/null; do wait "$pid"; code=$?; done
  printf '%s %s %s %s %s\\n' "$pid" - "$started" "$restarts" "$code" | put state
  [ -e stop ] && break
  restarts=$((restarts + 1))
  if [ "$restarts" -gt 5 ]; then sleep 5; elif [ "$restarts" -gt 2 ]; then sleep 1; else sleep 0.2; fi
done
`;
