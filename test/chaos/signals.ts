import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Finding } from './finding.ts';
import { BIN, cleanEnvironment, createLab, type Ended, type Lab, nodeBinary } from './lab.ts';
import { checkJournal, check, currentRun } from './play.ts';
import { describe, processesOfRun, processesWith, until } from './processes.ts';

/**
 * Two steps at once that would go on for ever the first time: one leaves a daemon and a child that ignores
 * every polite signal, one only sleeps. The second time both end at once.
 */
const LONG = `name: long
stages:
  - name: quick
    steps: [{name: a, command: 'echo quick >> world'}]
  - name: slow
    on_interrupt: retry
    parallel: true
    steps:
      - name: stubborn
        command: |
          if mkdir begun 2>/dev/null; then
            setsid sleep 600 >/dev/null 2>&1 &
            sh -c 'trap "" TERM INT HUP; while :; do sleep 0.1; done' &
            touch started.stubborn
            sleep 600
          fi
          echo stubborn >> world
      - name: polite
        command: |
          echo said something
          if mkdir begun.polite 2>/dev/null; then touch started.polite; sleep 600; fi
          echo polite >> world
`;
const STORY = { status: 'success', world: ['quick', 'stubborn', 'polite'] } as const;

const START_LIMIT_MS = 20_000;
/** Grace for TERM, then KILL, then what is left of the run's end. */
const END_LIMIT_MS = 12_000;

interface Ending {
  readonly name: string;
  readonly codes: readonly (number | null)[];
  /** `cancelled` is final, `interrupted` can be continued. */
  readonly statuses: readonly string[];
  readonly signal: NodeJS.Signals;
}

const SIGNALS: readonly Ending[] = [
  { name: 'SIGINT', signal: 'SIGINT', codes: [130], statuses: ['interrupted', 'cancelled'] },
  { name: 'SIGTERM', signal: 'SIGTERM', codes: [143], statuses: ['interrupted', 'cancelled'] },
  { name: 'SIGHUP', signal: 'SIGHUP', codes: [129, 143], statuses: ['interrupted'] },
];

/** Every polite way to end a process, and the rude ones of terminals. */
export async function playSignals(): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  for (const ending of SIGNALS) findings.push(await inLab(ending.name, (lab) => bySignal(lab, ending)));
  findings.push(
    await inLab('closed stdout', closedStdout),
    await inLab('closed terminal', closedTerminal),
    await inLab('Ctrl-C on a terminal', ctrlC),
  );
  return findings;
}

async function inLab(name: string, work: (lab: Lab) => Promise<readonly string[]>): Promise<Finding> {
  const lab = createLab({ 'long.yaml': LONG });
  try {
    return { name, violations: await work(lab) };
  } finally {
    for (const { pid } of lab.runIds().flatMap((id) => processesOfRun(id))) process.kill(pid, 'SIGKILL');
    lab.dispose();
  }
}

async function bySignal(lab: Lab, { signal, codes, statuses }: Ending): Promise<readonly string[]> {
  const { child, ended } = lab.start(['run', 'long', '--output', 'json']);
  if (!(await haveBegun(lab))) return [`the steps did not begin: ${await abandon(child, ended)}`];
  child.kill(signal);
  const { code, stderr } = await ended;
  return [
    ...(codes.includes(code) ? [] : [`exit code ${code} after ${signal}, not ${codes.join(' or ')}`]),
    ...(await afterEnd(lab, statuses, stderr)),
  ];
}

/** `pipewright run long | head -1`. */
async function closedStdout(lab: Lab): Promise<readonly string[]> {
  const { child, ended } = lab.start(['run', 'long', '--output', 'plain']);
  if (!(await haveBegun(lab))) return [`the steps did not begin: ${await abandon(child, ended)}`];
  child.stdout?.destroy();
  // Nobody notices a closed pipe before the next write to it.
  const { pid } =
    processesOfRun(currentRun(lab)?.run_id ?? '').find(({ command }) => command === 'sleep 600') ?? {};
  if (pid !== undefined) process.kill(pid, 'SIGKILL');
  const { code, stderr } = await ended;
  return [
    ...(code === 0 ? ['exit code 0 although nobody saw the result'] : []),
    ...(await afterEnd(lab, ['interrupted', 'cancelled', 'failed'], stderr)),
  ];
}

const PTY = `
import os, pty, signal, sys, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[3], sys.argv[3:])
deadline = time.time() + 20
while time.time() < deadline and not all(os.path.exists(f) for f in ('started.stubborn', 'started.polite')):
    time.sleep(0.05)
os.set_blocking(fd, False)
try: os.read(fd, 65536)
except OSError: pass
if sys.argv[1] == 'close': os.close(fd)
else: os.write(fd, b'\\x03')
end = time.time() + float(sys.argv[2])
text = b''
while time.time() < end:
    if sys.argv[1] != 'close':
        try: text += os.read(fd, 65536)
        except OSError: pass
    done, status = os.waitpid(pid, os.WNOHANG)
    if done:
        print(os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status))
        sys.exit(0)
    time.sleep(0.02)
print('still there')
`;

async function closedTerminal(lab: Lab): Promise<readonly string[]> {
  const code = await onTerminal(lab, 'close');
  return [
    ...(code === '129' || code === '143' ? [] : [`exit code ${code} after the terminal was closed`]),
    ...(await afterEnd(lab, ['interrupted'], undefined)),
  ];
}

async function ctrlC(lab: Lab): Promise<readonly string[]> {
  const code = await onTerminal(lab, 'ctrl-c');
  return [
    ...(code === '130' ? [] : [`exit code ${code} after Ctrl-C`]),
    ...(await afterEnd(lab, ['interrupted', 'cancelled'], undefined)),
  ];
}

function onTerminal(lab: Lab, how: string): Promise<string> {
  const limitS = String(END_LIMIT_MS / 1000);
  const args = [
    '-c',
    PTY,
    how,
    limitS,
    nodeBinary(),
    BIN,
    'run',
    'long',
    '--output',
    'plain',
    '--state',
    lab.state,
  ];
  return new Promise((resolve) => {
    const python = spawn('python3', args, { cwd: lab.folder, env: cleanEnvironment() });
    let text = '';
    python.stdout.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    python.on('error', (error) => resolve(error.message));
    python.on('close', () => resolve(text.trim()));
  });
}

function haveBegun(lab: Lab): Promise<boolean> {
  return until(
    () => ['stubborn', 'polite'].every((name) => existsSync(path.join(lab.folder, `started.${name}`))),
    START_LIMIT_MS,
  );
}

async function abandon(
  child: { kill: (signal: NodeJS.Signals) => boolean },
  ended: Promise<Ended>,
): Promise<string> {
  child.kill('SIGKILL');
  const { stdout, stderr } = await ended;
  return `${stderr}\n${stdout}`.trim().slice(0, 600);
}

/** At the exit nothing of the run lives; its state is whole; where it can be continued it ends well. */
async function afterEnd(
  lab: Lab,
  statuses: readonly string[],
  stderr: string | undefined,
): Promise<readonly string[]> {
  const run = currentRun(lab);
  if (!run) return ['no run was left'];
  const left = processesOfRun(run.run_id);
  const saysWhere = stderr === undefined || stderr.includes('log') || stderr.includes(run.run_id);
  const immediate = [
    ...(left.length > 0 ? [`still there at the exit: ${describe(left)}`] : []),
    ...(statuses.includes(run.status) ? [] : [`the run is ${run.status}, not ${statuses.join(' or ')}`]),
    ...(saysWhere ? [] : [`stderr names neither log nor run: ${JSON.stringify(stderr)}`]),
    ...checkJournal(lab),
  ];
  if (run.status !== 'interrupted') return immediate;
  const again = await lab.cli(['continue', run.run_id, '-y', '--output', 'json']);
  const later = await check(lab, STORY);
  return [
    ...immediate,
    ...later.map((line) => `after continue: ${line}`),
    ...(again.code === 0 ? [] : [`continue ended with ${again.code}: ${again.stderr.trim()}`]),
  ];
}

const ORPHAN_LIMIT_MS = 8_000;

/** `kill -9` of Pipewright alone: its keeper ends daemons and stubborn children within 8 seconds. */
export async function playOrphans(): Promise<readonly Finding[]> {
  return [
    await inLab('orphans after kill -9', async (lab) => {
      const { child, ended } = lab.start(['run', 'long', '--output', 'json']);
      if (!(await haveBegun(lab))) return [`the steps did not begin: ${await abandon(child, ended)}`];
      child.kill('SIGKILL');
      await ended;
      const runId = currentRun(lab)?.run_id ?? '';
      if (processesOfRun(runId).length === 0) return ['the steps died with Pipewright: nothing was tested'];
      const isGone = await until(() => processesOfRun(runId).length === 0, ORPHAN_LIMIT_MS);
      const isKeeperGone = await until(() => processesWith(lab.folder).length === 0, 2_000);
      await delay(100);
      const again = await lab.cli(['continue', runId, '-y', '--output', 'json']);
      return [
        ...(isGone ? [] : [`alive ${ORPHAN_LIMIT_MS} ms later: ${describe(processesOfRun(runId))}`]),
        ...(isKeeperGone ? [] : [`keeper left: ${describe(processesWith(lab.folder))}`]),
        ...(again.code === 0 ? [] : [`continue ended with ${again.code}: ${again.stderr.trim()}`]),
        ...(await check(lab, STORY)),
      ];
    }),
  ];
}
