import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { bindGraph } from '../../src/streams/bind-graph.ts';
import { buildGraph } from '../../src/streams/graph.ts';
import type { PumpResult } from '../../src/streams/pump-spec.ts';
import { writeSpec } from '../../src/streams/run-group.ts';
import { stream } from '../../src/stages/stream.ts';
import { type Figure, ratioFigure } from './figure.ts';
import { interleaved, spread, type Subject, time } from './measure.ts';
import { probed } from './probed.ts';
import { makeFolder, makeProject, nodeNothing, pipewright } from './project.ts';

const PUMP = path.resolve(import.meta.dirname, '../../dist/pump.js');
const MIB = 1024 * 1024;
/** Of the streams that are compared; `PIPEWRIGHT_BENCH_MIB` changes it. */
const SIZE_BYTES = Number(process.env['PIPEWRIGHT_BENCH_MIB'] ?? 1024) * MIB;

const PARTS = ['linear', 'tees', 'backup', 'overheads', 'memory', 'delay'] as const;

/** The pump of stream stages against bash, in the same run: less than 1 is faster than bash. `part`: one of them, or all. */
export async function streams(rounds: number, part?: string): Promise<readonly Figure[]> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-streams-bench-'));
  try {
    execFileSync('sh', ['-c', `head -c ${SIZE_BYTES / 4} /dev/urandom > random`], { cwd: folder });
    const lab = new Lab(folder, rounds);
    const figures: Figure[] = [];
    for (const name of PARTS) if (part === undefined || part === name) figures.push(...(await lab[name]()));
    return figures;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const IDLE = 'setTimeout(() => undefined, 1000)';
const ZEROS = `head -c ${SIZE_BYTES} /dev/zero`;
const source = (command: string): object => ({ name: 'source', command, output: 'stream' });
const tee = (branches: readonly object[]): object => ({ name: 'tee', type: 'tee', branches });

class Lab {
  readonly #folder: string;
  readonly #rounds: number;
  #graphs = 0;

  constructor(folder: string, rounds: number) {
    this.#folder = folder;
    this.#rounds = rounds;
  }

  async linear(): Promise<readonly Figure[]> {
    const ours = this.#ours('ours', [
      source('cat random random'),
      { name: 'pack', command: 'gzip -1', input: 'pipe', output: 'stream' },
      { name: 'count', command: 'wc -c > /dev/null', input: 'pipe' },
    ]);
    const figure = await this.#against('stream: three joined commands', ours, {
      command: 'cat random random | gzip -1 | wc -c > /dev/null',
      limit: 1 / 0.97,
    });
    const tookMs = await time(ours);
    const { cpu_ms: cpuMs } = this.#usage(ours);
    // Starting Node costs the same however long the stream is.
    const idle = this.#ours('idle', [{ name: 'nothing', command: 'true' }]);
    await time(idle);
    const share = Math.max(0, cpuMs - this.#usage(idle).cpu_ms) / tookMs;
    return [figure, single('stream: our share of a core meanwhile', 'x', share, 0.02)];
  }

  /** To three commands through the splice thread, for which `koffi` is installed, and through the pump itself. */
  async tees(): Promise<readonly Figure[]> {
    const counts = ['a', 'b'].map((name) => ({ name, command: 'wc -c > /dev/null' }));
    const sink = { name: 'c', command: 'cat > /dev/null; true' };
    const three = this.#ours('ours', [source(ZEROS), tee([...counts, sink])]);
    const hashed = this.#ours('ours', [source(ZEROS), tee([{ name: 'sum', command: 'sha256sum' }, sink])]);
    const bashThree = `${ZEROS} | tee >(wc -c >/dev/null) >(wc -c >/dev/null) | cat > /dev/null`;
    const bashHashed = `${ZEROS} | tee >(sha256sum >/dev/null) | cat > /dev/null`;
    const plain = { ...three, env: { PIPEWRIGHT_NO_SPLICE: '1' } };
    const toThree = 'stream: tee to three commands';
    return [
      await this.#against(`${toThree}, splice`, three, { command: bashThree, limit: 1 / 2.5 }),
      await this.#against(`${toThree}, no splice`, plain, { command: bashThree, limit: 1 / 1.5 }),
      await this.#against('stream: tee to a checksum and a command', hashed, {
        command: bashHashed,
        limit: 1 / 2,
      }),
    ];
  }

  async backup(): Promise<readonly Figure[]> {
    const ours = this.#ours('ours', [
      source('tar cf - random'),
      tee([
        { name: 'sum', command: 'sha256sum' },
        { name: 'progress', uses: 'progress' },
        { name: 'pack', command: 'gzip -1 > ours.gz' },
      ]),
    ]);
    const command =
      'tar cf - random | tee >(sha256sum >/dev/null) >(pv -q >/dev/null) | gzip -1 > theirs.gz; sync theirs.gz';
    return [
      await this.#against('stream: tar, checksum, progress, gzip to a file', ours, { command, limit: 1 }),
    ];
  }

  /** What a built-in adds: to the shell's pipe, with the start of the pump, and to the same stream without it. */
  async overheads(): Promise<readonly Figure[]> {
    const from = source('cat random random');
    const pack = { name: 'pack', command: 'gzip -1 > /dev/null; true', input: 'pipe' };
    const bash = this.#bash('cat random random | gzip -1 > /dev/null');
    const figures: Figure[] = [];
    for (const [uses, limit] of [
      ['checksum', 1.05],
      ['progress', 1.01],
    ] as const) {
      const without = this.#ours('without', [from, pack]);
      const ours = this.#ours('ours', [from, { name: 'mid', uses, input: 'pipe', output: 'stream' }, pack]);
      const times = await interleaved([bash, without, ours], this.#rounds);
      const name = `stream: ${uses} in front of gzip`;
      figures.push(
        ratioFigure(name, times, { subject: 'ours', against: 'bash' }, limit),
        ratioFigure(`${name}, to the same without`, times, { subject: 'ours', against: 'without' }, limit),
      );
    }
    return figures;
  }

  /** The slow branch reads 64 KiB at a time with pauses, so the fast ones wait for it. */
  async memory(): Promise<readonly Figure[]> {
    const peakOf = async (bytes: number): Promise<number> => {
      const slow = 'while dd bs=64k count=512 of=/dev/null 2>&1 | grep -q "^[1-9]"; do sleep 0.01; done';
      const graph = this.#ours('memory', [
        source(`head -c ${bytes} /dev/zero`),
        tee([
          { name: 'sum', uses: 'checksum' },
          { name: 'slow', command: slow },
          { name: 'fast', command: 'cat > /dev/null; true' },
        ]),
      ]);
      await time(graph);
      return this.#usage(graph).peak_memory_bytes;
    };
    const growth = (await peakOf(4096 * MIB)) - (await peakOf(64 * MIB));
    return [single('stream: memory, 4 GiB against 64 MiB', 'MB', growth / MIB, 8)];
  }

  /** Of Pipewright itself: the bytes are in another process. */
  async delay(): Promise<readonly Figure[]> {
    const steps = [
      `      - {name: source, command: '${ZEROS}', output: stream}`,
      '      - name: tee',
      '        type: tee',
      '        branches:',
      '          - {name: sum, uses: checksum}',
      '          - {name: bar, uses: progress}',
      "          - {name: sink, command: 'cat > /dev/null; true'}",
    ];
    const pipeline = `name: it\nstages:\n  - name: flow\n    uses: stream\n    steps:\n${steps.join('\n')}\n`;
    const idle: Subject = { ...nodeNothing, cwd: makeFolder({}), command: [process.execPath, '-e', IDLE] };
    const [ours, nothing] = await Promise.all([
      probed(pipewright('flow', makeProject(pipeline), ['run', 'it'])),
      probed(idle),
    ]);
    return [
      single('stream: event loop of the main process p99', 'ms', ours.delay_p99_ms, 10),
      single('of a Node beside it that does nothing', 'ms', nothing.delay_p99_ms),
    ];
  }

  async #against(
    name: string,
    ours: Subject,
    { command, limit }: { readonly command: string; readonly limit: number },
  ): Promise<Figure> {
    const times = await interleaved([this.#bash(command), ours], this.#rounds);
    return ratioFigure(name, times, { subject: ours.name, against: 'bash' }, limit);
  }

  #bash(command: string): Subject {
    return { name: 'bash', command: ['bash', '-c', command], cwd: this.#folder };
  }

  #ours(name: string, steps: readonly object[]): Subject {
    const { steps: checked } = stream.schema.parse({ steps });
    const [group = []] = buildGraph(checked).groups;
    const bound = bindGraph(group, { variables: {}, project: this.#folder });
    if (!bound.ok) throw new Error(JSON.stringify(bound.failure));
    this.#graphs += 1;
    const folder = path.join(this.#folder, `graph-${this.#graphs}`);
    const place = { folder, stage: name, attempt: 1, index: 0, pipeline: name, runId: name, before: [] };
    const spec = writeSpec(place, bound.value);
    const file = spec.files.result.replace('.result', '');
    writeFileSync(`${folder}/result-path`, spec.files.result);
    return { name, command: [process.execPath, PUMP, file], cwd: this.#folder };
  }

  #usage({ command }: Subject): PumpResult['usage'] {
    const file = path.join(path.dirname(command[2] ?? ''), 'result-path');
    const result: PumpResult = JSON.parse(readFileSync(readFileSync(file, 'utf8'), 'utf8'));
    return result.usage;
  }
}

function single(name: string, unit: Figure['unit'], value: number, limit?: number): Figure {
  return { name, unit, value: spread([value]), ...(limit !== undefined && { limit }) };
}
