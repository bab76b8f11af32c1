import { type Figure, ratioFigure } from './figure.ts';
import { interleaved, type Subject } from './measure.ts';
import { makeFolder, makeProject, pipewright, WIREIT } from './project.ts';

const STEPS = 200;
const names = Array.from({ length: STEPS }, (_, index) => `s${index}`);

/** 200 times `true`, one after the other and four at a time. */
export async function steps(rounds: number): Promise<readonly Figure[]> {
  return [...(await compare(1, rounds)), ...(await compare(4, rounds))];
}

async function compare(workers: number, rounds: number): Promise<readonly Figure[]> {
  const what = workers === 1 ? `${STEPS} steps in sequence` : `${STEPS} steps, ${workers} workers`;
  const subjects = [ours(workers), make(workers), wireit(workers), ...(workers === 1 ? [floor()] : [])];
  const times = await interleaved(subjects, rounds);
  return [
    ...(workers === 1
      ? [
          ratioFigure(`${what}: against the floor`, times, { subject: 'pipewright', against: 'floor' }),
          ratioFigure('the floor: against make', times, { subject: 'floor', against: 'make' }),
        ]
      : []),
    ratioFigure(`${what}: against make`, times, { subject: 'pipewright', against: 'make' }, 1.5),
    ratioFigure(`${what}: against wireit`, times, { subject: 'pipewright', against: 'wireit' }, 1),
  ];
}

function ours(workers: number): Subject {
  const parallel = workers > 1 ? `    parallel: true\n    max_workers: ${workers}\n` : '';
  const list = names.map((name) => `      - {name: ${name}, command: 'true'}\n`).join('');
  const cwd = makeProject(
    `name: it\nmax_workers: ${workers}\nstages:\n  - name: all\n${parallel}    steps:\n${list}`,
  );
  return pipewright('pipewright', cwd, ['run', 'it']);
}

/**
 * The least that a Node program can do which keeps our promises: start, and for each step a durable line in a
 * journal before a waiting shell forks for it, one after the other.
 */
const FLOOR = `
  const fs = require('fs');
  const journal = fs.openSync('journal', 'a');
  const shell = require('child_process').spawn('/bin/sh', { stdio: ['pipe', 'pipe', 'ignore'] });
  let left = ${STEPS};
  const step = () => {
    fs.writeSync(journal, 'x'.repeat(500) + '\\n');
    fs.fdatasyncSync(journal);
    if (left-- === 0) return shell.stdin.end();
    shell.stdin.write('( true ); echo $?\\n');
  };
  shell.stdout.on('data', step);
  step();
`;

function floor(): Subject {
  return { name: 'floor', command: [process.execPath, '-e', FLOOR], cwd: makeFolder({}) };
}

function make(workers: number): Subject {
  const rules = names.map((name) => `${name}:\n\t@true\n`).join('');
  const cwd = makeFolder({ Makefile: `.PHONY: all ${names.join(' ')}\nall: ${names.join(' ')}\n${rules}` });
  return { name: 'make', command: ['make', `-j${workers}`], cwd };
}

/** Started as npm starts it, without the time that npm takes. */
function wireit(workers: number): Subject {
  const isChain = workers === 1;
  const scripts = names.map((name, index) => ({
    name,
    config: { command: 'true', ...(isChain && index > 0 && { dependencies: [`s${index - 1}`] }) },
  }));
  const last = { name: 'all', config: { dependencies: isChain ? names.slice(-1) : names } };
  const all = [...scripts, last];
  const cwd = makeFolder({
    'package.json': JSON.stringify({
      name: 'bench',
      scripts: Object.fromEntries(all.map(({ name }) => [name, 'wireit'])),
      wireit: Object.fromEntries(all.map(({ name, config }) => [name, config])),
    }),
    'package-lock.json': '{}',
  });
  return {
    name: 'wireit',
    command: [process.execPath, WIREIT],
    cwd,
    env: {
      WIREIT_PARALLEL: String(workers),
      WIREIT_CACHE: 'none',
      WIREIT_LOGGER: 'simple',
      npm_lifecycle_event: 'all',
      npm_package_json: `${cwd}/package.json`,
      npm_config_user_agent: 'npm/11.0.0 node/v24.0.0 linux x64 workspaces/false',
    },
  };
}
