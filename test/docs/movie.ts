import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryProject } from '../support/cli.ts';
import { onPty, type PtyProgram } from '../support/pty.ts';
import { ROOT } from './reference.ts';
import { picture, rowsOf } from './svg.ts';

/**
 * `npm run docs:movie`: plays a run on the built program in a real pseudo-terminal, from the list of pipelines to its
 * end, and writes docs/movie.svg: the rows of the screen, each shown as long as it stood there.
 */
const SIZE = { columns: 100, rows: 26 };
const SAMPLE_MS = 200;
/** The last picture stays so long before it begins again. */
const REST_MS = 3_000;

const RELEASE = `name: release
description: Test it, pack it with a checksum, ask, publish it.
stages:
  - name: unit
    retry: {max_attempts: 2, delay: 1s}
    steps:
      - {name: lint, command: "sleep 0.6; echo 42 files, no problems"}
      - {name: test, command: "for n in 1 2 3 4 5 6; do sleep 0.2; echo ok $n; done; test -e .flaky || { touch .flaky; echo timing is everything >&2; exit 1; }; echo 6 passed"}
  - name: docs
    needs: []
    if: "environment == 'production'"
    steps: ["make docs"]
  - name: pack
    needs: [unit]
    steps:
      - {name: tar, command: "for n in 1 2 3 4 5 6; do head -c 4000000 /dev/urandom; sleep 0.4; done", output: stream}
      - name: process
        type: tee
        input: pipe
        branches:
          - {name: checksum, command: sha256sum, output: variable:checksum}
          - {name: progress, uses: progress, size: 24000000, output: stderr}
          - {name: save, command: "gzip -1 > release.tar.gz"}
  - name: publish
    require_confirmation: Publish to everybody?
    needs: {pack: passed, docs: [passed, skipped]}
    steps: ["sleep 0.8; echo published {{.stages.pack.outputs.checksum}}"]
`;

interface Sample {
  readonly atMs: number;
  readonly rows: readonly string[];
}

async function record(): Promise<readonly Sample[]> {
  using place = temporaryProject({ 'pipelines/release.yaml': RELEASE });
  await using app = onPty([], {
    cwd: place.root,
    ...SIZE,
    env: { HOME: place.root, XDG_CONFIG_HOME: place.root },
  });
  const samples: Sample[] = [];
  const began = performance.now();
  const stop = new AbortController();
  const watching = watch(app, samples, began, stop.signal);
  await app.shows('release', 'Test it, pack it');
  await sleep(1_200);
  app.type('\r');
  await app.shows('Start');
  await sleep(800);
  app.type('\u0013');
  await shows(app, 'Publish to everybody?');
  await sleep(1_500);
  app.type('y');
  await shows(app, '✓ publish');
  await sleep(1_000);
  stop.abort();
  await watching;
  app.type('q');
  await app.ended;
  return samples;
}

/** On a busy machine a run takes longer than one wait. */
async function shows(app: PtyProgram, text: string, tries = 4): Promise<void> {
  await app.shows(text).catch((error: unknown) => {
    if (tries <= 1) throw error;
    return shows(app, text, tries - 1);
  });
}

async function watch(app: PtyProgram, samples: Sample[], began: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    samples.push({ atMs: performance.now() - began, rows: rowsOf(app.buffer(), SIZE) });
    await sleep(SAMPLE_MS);
  }
}

/** One row as it stood for a while. */
interface Stand {
  readonly drawn: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

function standsOf(samples: readonly Sample[], totalMs: number): readonly Stand[] {
  return Array.from({ length: SIZE.rows }, (_, y) => y).flatMap((y) => {
    const changes = samples.filter(
      ({ rows }, index) => index === 0 || rows[y] !== samples[index - 1]?.rows[y],
    );
    return changes.map(({ atMs, rows }, index) => ({
      drawn: rows[y] ?? '',
      fromMs: index === 0 ? 0 : atMs,
      untilMs: changes[index + 1]?.atMs ?? totalMs,
    }));
  });
}

function animate(samples: readonly Sample[]): string {
  const totalMs = (samples.at(-1)?.atMs ?? 0) + REST_MS;
  const stands = standsOf(samples, totalMs).filter(({ drawn }) => drawn !== '');
  const percent = (ms: number): string => ((100 * ms) / totalMs).toFixed(2);
  const spans = [...new Set(stands.map(({ fromMs, untilMs }) => `${percent(fromMs)}-${percent(untilMs)}`))];
  const rules = spans.map((span, index) => {
    const [from = '0.00', until = '100.00'] = span.split('-');
    const end = until === '100.00' ? '' : `${until}%{visibility:hidden}`;
    const start = from === '0.00' ? '' : '0%{visibility:hidden}';
    return `@keyframes k${index}{${start}${from}%{visibility:visible}${end}}.k${index}{animation:k${index} ${(totalMs / 1000).toFixed(1)}s step-end infinite}`;
  });
  const drawn = stands.map(({ drawn: row, fromMs, untilMs }) => {
    const index = spans.indexOf(`${percent(fromMs)}-${percent(untilMs)}`);
    return `<g class="k${index}">${row}</g>`;
  });
  // Whoever wants no movement sees the end.
  const still =
    '@media (prefers-reduced-motion: reduce){g[class]{animation-play-state:paused;animation-delay:-9999s}}';
  return picture(SIZE, [`<style>${rules.join('')}${still}</style>`, ...drawn]);
}

writeFileSync(path.join(ROOT, 'docs/movie.svg'), animate(await record()));
