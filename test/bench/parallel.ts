import type { Figure } from './figure.ts';
import { spread } from './measure.ts';
import { probed, type Probed } from './probed.ts';
import { makeProject, pipewright } from './project.ts';

const STEPS = 100;

/** 100 steps at the same time, each for a while. */
export async function parallel(rounds: number): Promise<readonly Figure[]> {
  const list = Array.from(
    { length: STEPS },
    (_, n) => `      - {name: s${n}, command: 'echo ${n}; sleep 1; echo done'}\n`,
  );
  const cwd = makeProject(
    `name: it\nmax_workers: ${STEPS}\nstages:\n  - name: all\n    parallel: true\n    max_workers: ${STEPS}\n    steps:\n${list.join('')}`,
  );
  const all: Probed[] = [];
  for (let round = 0; round < rounds; round += 1)
    all.push(await probed(pipewright('100', cwd, ['run', 'it'])));
  const pick = (read: (one: Probed) => number) => spread(all.map(read));
  return [
    {
      name: `${STEPS} steps at once: event loop p99`,
      unit: 'ms',
      value: pick((one) => one.delay_p99_ms),
      limit: 100,
    },
    {
      name: `${STEPS} steps at once: event loop longest`,
      unit: 'ms',
      value: pick((one) => one.delay_max_ms),
    },
    { name: `${STEPS} steps at once: memory`, unit: 'MB', value: pick((one) => one.max_rss_mb), limit: 150 },
    {
      name: `${STEPS} steps at once: all of it (each sleeps 1 s)`,
      unit: 'ms',
      value: pick((one) => one.took_ms),
    },
  ];
}
