import { CALLED_OFF, ORPHAN_KILLED } from './records.ts';

/**
 * The keeper: a shell that outlives us and ends what we started when we die, however we die. It reads
 * one order per line from a pipe; the end of the pipe without `bye` means that we are gone.
 *
 *     add <token> kill <finish_ms> | add <token> keep 0 | del <token> | bye
 *
 * In place of a token also the name of a lane's file, `lane+…`, for whatever job the lane has.
 *
 * Arguments: 1 folder of the claims, 2 the file whose appearance means that another process took the
 * run over, 3 run id. It finds processes through the claims, so an order can be given before the step
 * is spawned and there is no moment in which a step is unknown to it. Process number and start time
 * must both match: a reused number is left alone.
 *
 * Order of things for a step whose time is up: record first (so that the step's own shell, which
 * outlives TERM, cannot record an exit that was our doing), TERM, half a second, KILL. At the end every
 * process that carries the run's cookie and belongs to no kept step: daemons that left their group.
 */
export const KEEPER_SCRIPT = `
trap '' INT HUP TERM QUIT TSTP TTIN TTOU
set -C
steps=$1 successor=$2 run=$3
list='' kept=''

without() { # token, entries: sets result
  gone=$1; shift; result=''
  for entry in "$@"; do [ "\${entry%%:*}" = "$gone" ] || result="$result $entry"; done
}

while read -r op token policy ms; do
  case $op in
    add)
      if [ "$policy" = keep ]; then kept="$kept $token"
      else list="$list $token:$(( (ms + 99) / 100 ))"; fi ;;
    del)
      without "$token" $list; list=$result
      without "$token" $kept; kept=$result ;;
    bye) exit 0 ;;
  esac
done

facts() { # what follows the name in a line of /proc/<pid>/stat: sets state and start
  case $1 in '- '*) state=R; start=\${1#- }; return ;; esac
  set -- $1
  if [ $# -lt 20 ]; then state=Z start=''; return; fi
  state=$1; shift 19; start=$1
}

alive() { # token, or the file of a lane: sets pid
  pid='' rest=''
  case $1 in lane+*) claim=$1 ;; *) claim=$1.claim ;; esac
  { read -r boot pid rest <"$steps/$claim"; } 2>/dev/null
  case $pid in ''|*[!0-9]*) return 1 ;; esac
  facts "\${rest##*) }"; was=$start now=''
  if [ -r /proc/self/stat ]; then { read -r now <"/proc/$pid/stat"; } 2>/dev/null
  else now=$(ps -o lstart= -p "$pid") && now="- $now"; fi
  [ -n "$now" ] || return 1
  facts "\${now##*) }"
  [ "$start" = "$was" ] && [ "$state" != Z ]
}

orphaned() { # token, or the file of a lane
  case $1 in
    lane+*) echo ${ORPHAN_KILLED} >>"$steps/$1" ;;
    *) echo ${ORPHAN_KILLED} >"$steps/$1.exit" ;;
  esac
} 2>/dev/null

# dash takes no double dash here.
group() { kill "-$1" "-$pid" 2>/dev/null; }

# What was announced and has not begun never will. A lane ends by itself, after the job that it has.
for entry in $list; do
  case $entry in lane+*) ;; *) { echo ${CALLED_OFF} >"$steps/\${entry%%:*}.claim"; } 2>/dev/null ;; esac
done

tick=0 dying=''
while :; do
  [ -e "$successor" ] && list=''
  left=''
  for entry in $list; do
    alive "\${entry%%:*}" || continue
    if [ "$tick" -ge "\${entry#*:}" ]; then
      orphaned "\${entry%%:*}"
      group TERM; group CONT
      dying="$dying \${entry%%:*}:$((tick + 5))"
    else left="$left $entry"; fi
  done
  list=$left left=''
  for entry in $dying; do
    alive "\${entry%%:*}" || continue
    if [ "$tick" -ge "\${entry#*:}" ]; then group KILL; fi
    [ "$tick" -ge "$(( \${entry#*:} + 50 ))" ] || left="$left $entry"
  done
  dying=$left
  [ -z "$list$dying" ] && break
  sleep 0.1
  tick=$((tick + 1))
done

[ -r /proc/self/environ ] || exit 0
for signal in TERM KILL KILL KILL; do
  [ -e "$successor" ] && exit 0
  found=''
  for file in $(grep -lzxF "PIPEWRIGHT_RUN=$run" /proc/[0-9]*/environ 2>/dev/null); do
    for token in $kept; do
      grep -qzxF "PIPEWRIGHT_STEP=$token" "$file" 2>/dev/null && continue 2
    done
    pid=\${file#/proc/}; kill "-$signal" "\${pid%/environ}" 2>/dev/null && found=yes
  done
  [ -n "$found" ] || exit 0
  sleep 0.5
done
`;
