import { shellQuote } from '../../core/shell-quote.ts';
import { CALLED_OFF, ORPHAN_KILLED } from '../local/records.ts';
import { isTooLongForArgument, shimScript } from '../local/shim.ts';
import { encodedEval } from '../host/script-line.ts';

/**
 * The shell programs that a step over ssh consists of. Its files lie on the host, in ~/.pipewright/runs/<run>:
 * `<token>.claim` (whoever creates it first decides whether this try runs), `.exit` (how it ended), `.log` and
 * `.out` (what it said, until we have it), `.lease` (who looks after it now), `.sh` (a long script).
 *
 * The step runs in the shim of the local executor, in a session of its own, so that it outlives the link. Beside
 * it runs, on the channel, a follower that copies new output to us, and a control process that reads our
 * orders: `stop <tenths>` and `done`. The end of the orders without `done` means that the link is gone: after
 * the lease, if nobody has taken the step up again, the control process ends it (policy `kill`).
 *
 * Variables are those of these programs alone: the shim is another process, started with its own environment.
 */
export interface StepPlace {
  readonly runId: string;
  /** Where the folder of the run is, absolute. Default: ~/.pipewright/runs. */
  readonly records?: string;
  readonly token: string;
  /** Begins each word of the program to us, so that no output can be taken for one. */
  readonly nonce: string;
  /** Standard output apart from the errors. */
  readonly isCaptured: boolean;
  /** Seconds without us after which the step is ended; absent: it is left alone. */
  readonly leaseSeconds?: number | undefined;
}

export interface StepLaunch {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
  /** Relative to the login folder, or absolute. */
  readonly workdir: string;
  /** Shell text for the shim; see limits.ts. */
  readonly limit: string;
}

/** Bytes of the step's files that we have already. */
export interface StepOffsets {
  readonly log: number;
  readonly out: number;
}

/** Claims of runs that nobody touched for so long decide nothing any more. */
const KEEP_DAYS = 30;

/** The first line for the shell: starts the step and follows it. */
export function launchLine(place: StepPlace, launch: StepLaunch): string {
  return `${encodedEval([prelude(place), sweep(), launchText(place, launch), follow(place, { log: 0, out: 0 }, '')].join('\n'))}\n`;
}

/** … calls the step off if it has not begun, otherwise follows what is left of it. */
export function attachLine(place: StepPlace, offsets: StepOffsets): string {
  return `${encodedEval([prelude(place), ATTACH, CONTROL, follow(place, offsets, '|| ! alive ')].join('\n'))}\n`;
}

function prelude({ runId, records, token, nonce, leaseSeconds }: StepPlace): string {
  return `root=${records === undefined ? '${HOME:-.}/.pipewright/runs' : shellQuote(records)}; run=${shellQuote(runId)}; token=${shellQuote(token)}; nonce=${shellQuote(nonce)}; lease=${leaseSeconds ?? ''}
b=$root/$run/$token; inherited=$(umask); umask 077; fin=''; pid=''
say() { printf '\\n%s %s\\n' "$nonce" "$1" >&2; }
boot=''; { read -r boot </proc/sys/kernel/random/boot_id; } 2>/dev/null; [ -n "$boot" ] || boot=-
facts() {
  case $1 in '- '*) state=R; start=\${1#- }; return ;; esac
  set -f; set -- $1; set +f
  if [ $# -lt 20 ]; then state=Z start=''; else state=$1; shift 19; start=$1; fi
}
alive() {
  pid=''; rest=''; { read -r was pid rest <"$b.claim"; } 2>/dev/null
  case $pid in '' | *[!0-9]*) pid=''; return 1 ;; esac
  [ "$was" = "$boot" ] || return 1
  facts "\${rest##*) }"; before=$start; now=''
  if [ -r /proc/self/stat ]; then { read -r now <"/proc/$pid/stat"; } 2>/dev/null
  else now=$(ps -o lstart= -p "$pid") && now="- $now"; fi
  [ -n "$now" ] || return 1
  facts "\${now##*) }"; [ "$start" = "$before" ] && [ "$state" != Z ]
}
nap() { { sleep "$1" || sleep 1; } >/dev/null 2>&1 3<&- 4<&- 5<&- & wait $!; }
${TERMINATE}
mkdir -p -- "$root/$run" || { say 'no-folder'; exit 0; }`;
}

// Members of the group or session by /proc, since a zombie that nobody collects answers to kill(2) for ever.
const TERMINATE = `marked() {
  for f in $(grep -lzxF "PIPEWRIGHT_STEP=$token" /proc/[0-9]*/environ 2>/dev/null); do
    grep -qzxF "PIPEWRIGHT_RUN=$run" "$f" 2>/dev/null || continue
    f=\${f#/proc/}; echo "\${f%/environ}"
  done
}
members() {
  [ -r /proc/self/stat ] || { kill -0 "-$pid" 2>/dev/null; return; }
  for f in /proc/[0-9]*/stat; do
    l=''; { read -r l <"$f"; } 2>/dev/null; set -f; set -- \${l##*) }; set +f
    [ "\${3-}" = "$pid" ] || [ "\${4-}" = "$pid" ] || continue
    [ "$1" = Z ] || return 0
  done
  return 1
}
send() { kill "-$1" "-$pid" 2>/dev/null; kill -CONT "-$pid" 2>/dev/null; for m in $(marked); do kill "-$1" "$m" 2>/dev/null; done; }
living() { members || [ -n "$(marked)" ]; }
terminate() {
  i=0
  while [ ! -e "$b.claim" ] && [ $i -lt 10 ]; do nap 0.1; i=$((i + 1)); done
  (set -C; echo ${CALLED_OFF} >"$b.claim") 2>/dev/null && return
  alive; [ -n "$pid" ] || return
  send TERM; i=0
  while living && [ $i -lt "$1" ]; do nap 0.1; i=$((i + 1)); done
  i=0
  while living && [ $i -lt 50 ]; do send KILL; nap 0.1; i=$((i + 1)); done
}`;

function sweep(): string {
  return `(find "$root" -mindepth 1 -maxdepth 1 -type d -mtime +${KEEP_DAYS} -exec rm -rf -- {} + </dev/null >/dev/null 2>&1 &)`;
}

// TERM reaches the follower when the link is gone: what it would copy, nobody receives.
const CONTROL = `mine=$$-$nonce; echo "$mine" >"$b.lease"
exec 3<&0 </dev/null
(
  trap '' HUP PIPE
  while IFS= read -r order <&3; do
    case $order in
      'stop '*) terminate "\${order#stop }" ;;
      done) rm -f -- "$b.log" "$b.out" "$b.sh" "$b.lease"; exit 0 ;;
    esac
  done
  exec 2>/dev/null
  l=''; { read -r l <"$b.lease"; }
  [ "$l" = "$mine" ] || exit 0
  # From now on the number of the follower may become that of another process.
  mine=gone-$nonce; echo "$mine" >"$b.lease"
  kill -TERM $$
  [ -n "$lease" ] || exit 0
  i=0
  while [ $i -lt "$lease" ]; do
    [ -e "$b.exit" ] && exit 0
    l=''; { read -r l <"$b.lease"; } 2>/dev/null; [ "$l" = "$mine" ] || exit 0
    sleep 1; i=$((i + 1))
  done
  alive || exit 0
  (set -C; echo ${ORPHAN_KILLED} >"$b.exit") 2>/dev/null || exit 0
  terminate 10
) >/dev/null &
control=$!
exec 3<&-`;

function launchText({ isCaptured, runId, token }: StepPlace, launch: StepLaunch): string {
  const { workdir, env, limit } = launch;
  const isLong = isTooLongForArgument(launch.script);
  // The shim's own text depends on what it reads: a file is read by a shell of its own.
  const script = isLong ? '. "$4"' : launch.script;
  const shim = shimScript({ output: 'direct', limit, script: isLong ? '. file' : script });
  const variables = { ...env, PIPEWRIGHT_RUN: runId, PIPEWRIGHT_STEP: token };
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuote(value)}`);
  return `[ -e "$b.claim" ] && { say claimed; exit 0; }
CDPATH= cd -- ${shellQuote(workdir)} 2>/dev/null || { say no-workdir; exit 0; }
: >>"$b.log" && : >>"$b.out" || { say no-folder; exit 0; }
${isLong ? `printf %s ${shellQuote(launch.script)} >"$b.sh" || { say no-folder; exit 0; }` : ''}
if s=$(command -v setsid); then set -- "$s"
elif s=$(command -v perl); then set -- "$s" -e 'use POSIX; POSIX::setsid(); exec @ARGV'
else say no-setsid; exit 0; fi
trap 'fin=1' USR1
${CONTROL}
(
  umask "$inherited"
  exec </dev/null >>"$b.${isCaptured ? 'out' : 'log'}" 2>>"$b.log"
  ${isLong ? `text=". '$b.sh'"` : `text=${shellQuote(script)}`}
  set -- "$@" /bin/sh -c ${shellQuote(shim)} sh "$b.claim" "$b.exit" "$boot" "$text"
  (
    unset text
${exports.join('\n')}
    exec "$@"
  )
  l=''; { read -r l <"$b.lease"; } 2>/dev/null
  [ "$l" = "$mine" ] && kill -USR1 $$
) &`;
}

// A run of ours that died may have created the claim a moment ago; it is written in one piece.
const ATTACH = `(set -C; echo ${CALLED_OFF} >"$b.claim") 2>/dev/null && { say never-ran; exit 0; }
i=0
while l=''; { read -r l <"$b.claim"; } 2>/dev/null; [ -z "$l" ] && [ $i -lt 10 ]; do nap 0.1; i=$((i + 1)); done
[ "$l" = ${CALLED_OFF} ] && { say never-ran; exit 0; }
alive; [ -n "$pid" ] || { say unknown; exit 0; }`;

/**
 * Copies what comes, in naps that become longer; the sizes are taken before the last copy, so that it has at least
 * as much. At the end it waits for our answer: sshd closes the input of a session whose first process is gone.
 */
function follow({ isCaptured }: StepPlace, { log, out }: StepOffsets, orGone: string): string {
  const [toLog, first] = isCaptured
    ? ['cat <&4 >&2', `tail -c +${log + 1} <&4 >&2`]
    : ['cat <&4', `tail -c +${log + 1} <&4`];
  return `if [ -e "$b.log" ]; then exec 4<"$b.log" 5<"$b.out"; else exec 4</dev/null 5</dev/null; fi
copy() { ${toLog}; ${isCaptured ? 'cat <&5;' : ''} }
${log > 0 ? first : ':'}; ${out > 0 ? `tail -c +${out + 1} <&5` : ':'}
k=0
until [ -n "$fin" ] || [ -e "$b.exit" ] ${orGone}; do
  copy
  k=$((k + 1)); if [ $k -lt 4 ]; then nap 0.02; elif [ $k -lt 10 ]; then nap 0.1; else nap 0.2; fi
done
size() { if [ -e "$1" ]; then echo $(($(wc -c <"$1"))); else echo 0; fi; }
sizes="$(size "$b.log") $(size "$b.out")"
copy
say "end $sizes $(tr '\\n' '|' <"$b.exit" 2>/dev/null)"
wait "$control"`;
}
