import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { type Figure, ratioFigure } from './figure.ts';
import { interleaved, spread } from './measure.ts';
import { probed } from './probed.ts';
import { makeFolder, makeProject, pipewright } from './project.ts';

const BYTES = 2 * 1024 ** 3;
const PRINT = `head -c ${BYTES} /dev/zero | tr '\\0' x`;

/** A step that prints 2 GB without a line feed, plain and through the secret masker. */
export async function flood(): Promise<readonly Figure[]> {
  return [...(await printed('2 GB printed', '')), ...(await printed('2 GB printed, masked', SECRET))];
}

const SECRET = `secrets: {TOKEN: 'cmd:echo not-in-the-output-0123456789'}\n`;

async function printed(name: string, secrets: string): Promise<readonly Figure[]> {
  const stage = secrets === '' ? '' : '    secrets: [TOKEN]\n';
  const project = (command: string): string =>
    makeProject(
      `name: it\n${secrets}stages:\n  - name: only\n${stage}    steps:\n      - name: a\n        command: ${JSON.stringify(command)}\n`,
    );
  const big = project(PRINT);
  const quiet = await probed(pipewright('quiet', project('true'), ['run', 'it']));
  const loud = await probed(pipewright('loud', big, ['run', 'it']));
  const missing = BYTES - logBytes(big);
  const shell = { name: 'sh', command: ['sh', '-c', `${PRINT} > log`], cwd: makeFolder({}) };
  const times = await interleaved([pipewright('pipewright', big, ['run', 'it']), shell], 1);
  return [
    {
      name: `${name}: memory grows by`,
      unit: 'MB',
      value: spread([loud.max_rss_mb - quiet.max_rss_mb]),
      limit: 64,
    },
    { name: `${name}: missing in the log`, unit: 'bytes', value: spread([Math.abs(missing)]), limit: 0 },
    ratioFigure(`${name}: against sh -c '… > file'`, times, { subject: 'pipewright', against: 'sh' }),
  ];
}

function logBytes(project: string): number {
  const runs = path.join(project, 'state', 'runs');
  const [run = ''] = readdirSync(runs);
  const logs = path.join(runs, run, 'logs');
  return readdirSync(logs).reduce((sum, name) => sum + statSync(path.join(logs, name)).size, 0);
}
