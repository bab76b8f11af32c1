import { runScript } from '../host/run-script.ts';
import { isShim, scriptOf } from '../local/shim.ts';
import type { Link } from './link.ts';
import { startSshShell } from './ssh-shell.ts';

/**
 * TERM, after `$G` tenths of a second KILL, to every process that carries the run's cookie; first their
 * arguments are printed, each process after a byte 1. Without /proc nobody can be found.
 */
const STOP = `found() { for f in $(grep -lzxF "PIPEWRIGHT_RUN=$R" /proc/[0-9]*/environ 2>/dev/null); do f=\${f#/proc/}; echo "\${f%/environ}"; done | sort -n; }
pids=$(found)
[ -n "$pids" ] || exit 0
for pid in $pids; do printf '\\001%s\\0' "$pid"; cat "/proc/$pid/cmdline" 2>/dev/null; done
for pid in $pids; do kill -TERM "$pid" 2>/dev/null; kill -CONT "$pid" 2>/dev/null; done
i=0
while pids=$(found) && [ -n "$pids" ] && [ $i -lt "$G" ]; do sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1)); done
i=0
while pids=$(found) && [ -n "$pids" ] && [ $i -lt 10 ]; do
  for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
  sleep 0.1 2>/dev/null || sleep 1; i=$((i + 1))
done`;

/** Ends what a run left on a host; says what it was. A host that cannot be reached ends it by itself after the lease. */
export async function stopRemote(link: Link, runId: string, graceMs: number): Promise<readonly string[]> {
  const said = await runScript(
    { name: link.target.name, start: () => startSshShell(link) },
    { script: STOP, env: { R: runId, G: String(Math.ceil(graceMs / 100)) } },
    new AbortController().signal,
  );
  if (!said.ok) return [];
  return said.value.stdout
    .split('\u0001')
    .slice(1)
    .flatMap((text): readonly string[] => {
      const [pid = '', ...args] = text.split('\0').slice(0, -1);
      if (args.length === 0) return [];
      return [`${pid} ${isShim(args) ? `sh -c ${scriptOf(args)}` : args.join(' ')}`];
    });
}
