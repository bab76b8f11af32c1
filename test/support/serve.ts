import { createHmac } from 'node:crypto';
import type { CliResult, RunningCli, TemporaryProject } from './cli.ts';

/** `pipewright serve` while it runs. */
export interface Serving {
  readonly url: string;
  readonly pid: number;
  /** Ends it; resolves with how it ended. */
  readonly stop: (signal?: NodeJS.Signals) => Promise<CliResult>;
}

/** Starts the built program on a free port; resolves once it listens. */
export async function startServing(
  project: TemporaryProject,
  env: Readonly<Record<string, string>> = {},
  args: readonly string[] = [],
): Promise<Serving> {
  const { promise: ready, resolve } = Promise.withResolvers<{
    readonly text: string;
    readonly child: RunningCli;
  }>();
  const ended = project.run(['serve', '--port', '0', '--json', ...args], {
    env,
    onOutput: (text, child) => {
      if (text.endsWith('}\n')) resolve({ text, child });
    },
  });
  const first = await Promise.race([ready, ended]);
  if ('code' in first) throw new Error(`serve ended with ${first.code}: ${first.stdout}${first.stderr}`);
  const { url, pid } = JSON.parse(first.text);
  return {
    url,
    pid,
    stop: async (signal = 'SIGTERM') => {
      first.child.kill(signal);
      return ended;
    },
  };
}

/** What GitHub sends in X-Hub-Signature-256. */
export function signed(key: string, body: string): string {
  return `sha256=${createHmac('sha256', key).update(body).digest('hex')}`;
}

/** One line of the text format. */
export interface ParsedSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/**
 * Parses the text format 0.0.4 and throws at the first thing that it does not allow: a sample before its TYPE, a metric in
 * two places, a series twice, a wrong escape, a name with other letters, a value that is no number.
 */
export function parseMetrics(text: string): readonly ParsedSample[] {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const samples: ParsedSample[] = [];
  const types = new Map<string, string>();
  const seen = new Set<string>();
  let current = '';
  for (const line of text.slice(0, -1).split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/.exec(line) ?? [];
    if (kind === 'HELP') {
      if (types.has(name)) throw new Error(`${name} stands in two places`);
      current = name;
    } else if (kind === 'TYPE') {
      if (current !== name || types.has(name)) throw new Error(`TYPE of ${name} is out of place`);
      if (!/^(counter|gauge|histogram)$/.test(rest)) throw new Error(`no type: ${rest}`);
      types.set(name, rest);
    } else samples.push(parseSample(line, { current, type: types.get(current), seen }));
  }
  return samples;
}

function parseSample(
  line: string,
  {
    current,
    type,
    seen,
  }: { readonly current: string; readonly type: string | undefined; readonly seen: Set<string> },
): ParsedSample {
  const [, name = '', inner = '', written = ''] =
    /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
  if (name === '') throw new Error(`no sample: ${line}`);
  const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
  if (!suffixes.some((suffix) => name === `${current}${suffix}`)) throw new Error(`${name} after ${current}`);
  const labels = parseLabels(inner);
  const series = [name, ...Object.entries(labels).map(String)]
    .toSorted((a, b) => (a < b ? -1 : 1))
    .join('\n');
  if (seen.has(series)) throw new Error(`twice: ${series}`);
  seen.add(series);
  const value = written === '+Inf' ? Number.POSITIVE_INFINITY : Number(written);
  if (Number.isNaN(value)) throw new Error(`no number: ${line}`);
  return { name, labels, value };
}

function parseLabels(inner: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  let rest = inner;
  while (rest !== '') {
    const found = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\["\\n])*)"(,(?=.)|$)/.exec(rest);
    if (!found) throw new Error(`no label: ${rest}`);
    const [whole, label = '', value = ''] = found;
    if (Object.hasOwn(labels, label)) throw new Error(`${label} stands twice: ${inner}`);
    labels[label] = value.replaceAll(/\\(.)/g, (_, letter: string) => (letter === 'n' ? '\n' : letter));
    rest = rest.slice(whole.length);
  }
  return labels;
}
