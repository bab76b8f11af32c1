import { formatBytes, formatDuration } from './quantities.ts';
import type {
  BranchRecord,
  StepProgress,
  StreamProgress,
  StreamRecord,
  TestCounts,
} from './stream-report.ts';
import { sanitizeText } from './terminal-text.ts';

const BAR_WIDTH = 12;

/** `[===========>.......]`: `fraction` from 0 to 1. */
export function progressBar(fraction: number, width = BAR_WIDTH): string {
  const done = Math.min(width, Math.max(0, Math.round(fraction * width)));
  const bar = done === 0 ? '' : done === width ? '='.repeat(width) : `${'='.repeat(done - 1)}>`;
  return `[${bar.padEnd(width, '.')}]`;
}

/** `45.2% [=========>..........] 452 MiB/1 GiB 23 MiB/s ETA: 25s`; without a size only what is known. */
export function progressText(step: StepProgress): string {
  const { bytes = 0, size, status } = step;
  const rate = step.bytes_per_second ?? 0;
  const parts: string[] = [];
  if (size !== undefined && size > 0) {
    // A tar is longer than its files: 100 % is for the end.
    const fraction = status === 'passed' ? 1 : Math.min(0.999, bytes / size);
    parts.push(`${(fraction * 100).toFixed(1)}%`, progressBar(fraction));
    parts.push(`${formatBytes(bytes)}/${formatBytes(status === 'passed' ? bytes : size)}`);
  } else parts.push(formatBytes(bytes));
  if (status === 'running' && rate > 0) parts.push(`${formatBytes(rate)}/s`);
  if (status === 'running' && step.eta_ms !== undefined) parts.push(etaText(step.eta_ms));
  return parts.join(' ');
}

/** `ETA: 25s`: whole seconds, at least one. */
export function etaText(etaMs: number): string {
  return `ETA: ${formatDuration(Math.max(1, Math.ceil(etaMs / 1000)) * 1000)}`;
}

/** All of a running stream stage: its steps, and under each tee the tree of its branches. */
export function streamTree({ steps }: StreamProgress): readonly string[] {
  return steps.flatMap((step, index) => {
    const place = `[${index + 1}/${steps.length}]`;
    const indent = ' '.repeat(place.length + 1);
    return [`${place} ${lineOf(step)}`, ...stateLines(step).map((line) => indent + line)];
  });
}

function lineOf(step: StepProgress): string {
  const what = step.branches ? '[parallel execution]' : oneLine(step.what);
  return `${sanitizeText(step.name)}: ${what}`;
}

function stateLines(step: StepProgress): readonly string[] {
  if (step.branches) return branchLines(step.branches);
  if (step.kind === 'command') {
    return step.status === 'running' ? ['Status: Running... (streaming)'] : [`Status: ${step.status}`];
  }
  return [activity(step)];
}

function branchLines(branches: readonly StepProgress[]): readonly string[] {
  return branches.flatMap((branch, index) => {
    const isLast = index === branches.length - 1;
    const inner = branch.branches ? branchLines(branch.branches) : [];
    const text = branch.branches ? '[parallel execution]' : activity(branch);
    return [
      `${isLast ? '└─' : '├─'} ${sanitizeText(branch.name)}: ${text}`,
      ...inner.map((line) => `${isLast ? '  ' : '│ '} ${line}`),
    ];
  });
}

const NONE: TestCounts = { passed: 0, failed: 0, skipped: 0 };

const AT_WORK: Readonly<Record<string, string>> = { checksum: 'calculating...', count: 'counting...' };

/** `12 passed, 1 failed, 2 skipped`; what there is none of is left out. */
export function countsText({ passed, failed, skipped }: TestCounts): string {
  const parts = [`${passed} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}

function finding({ result, counts }: StepProgress): string {
  return result === undefined ? countsText(counts ?? NONE) : sanitizeText(result);
}

function activity(step: StepProgress): string {
  if (step.counts || step.kind === 'report') return finding(step);
  if (step.status === 'failed' || step.status === 'stopped') return step.status;
  if (step.kind === 'progress') return progressText(step);
  if (step.result !== undefined) return sanitizeText(step.result);
  if (step.status === 'passed') return `done, ${formatBytes(step.bytes ?? 0)}`;
  const bytes = step.bytes === undefined || step.bytes === 0 ? '' : ` ${formatBytes(step.bytes)}`;
  return `${AT_WORK[step.kind] ?? 'writing...'}${bytes}`;
}

function oneLine(text: string): string {
  const [first = '', ...more] = sanitizeText(text).trim().split('\n');
  return more.length > 0 ? `${first} …` : first;
}

/** One line for logs: each progress step, or what the first metered step has taken in. Undefined when nothing is known. */
export function streamLine({ steps, elapsed_ms: elapsedMs }: StreamProgress): string | undefined {
  const all = steps.flatMap(withBranches);
  const bars = all.filter(({ kind }) => kind === 'progress');
  if (bars.length > 0)
    return bars.map((step) => `${sanitizeText(step.name)} ${progressText(step)}`).join('  ');
  const told = all.filter(({ counts, kind }) => counts !== undefined || kind === 'report');
  if (told.length > 0) return told.map((step) => `${sanitizeText(step.name)} ${activity(step)}`).join('  ');
  const metered = all.find(({ bytes }) => bytes !== undefined);
  if (!metered) return undefined;
  return `${sanitizeText(metered.name)} ${formatBytes(metered.bytes ?? 0)} in ${formatDuration(elapsedMs)}`;
}

function withBranches(step: StepProgress): readonly StepProgress[] {
  return [step, ...(step.branches ?? []).flatMap(withBranches)];
}

interface Row {
  readonly from: string;
  readonly end: StreamRecord | BranchRecord;
  /** What the file's bytes are compared with. */
  readonly inBytes: number | undefined;
}

/** What a stream stage made: checksums, counts, files with their sizes. Branches that failed are among its warnings. */
export function streamSummary(streams: readonly StreamRecord[]): readonly string[] {
  const rows = streams.flatMap((record): readonly Row[] => {
    if (record.branches) {
      return record.branches.map((end) => ({ from: end.name, end, inBytes: record.bytes_transferred }));
    }
    // A file at the end of a branch stands at its branch already.
    const isInBranch = record.from.includes('/');
    if (isInBranch && record.file) return [];
    return [{ from: record.to ?? record.from, end: record, inBytes: record.bytes_transferred }];
  });
  return rows.flatMap(rowLines);
}

function rowLines({ from, end, inBytes }: Row): readonly string[] {
  const name = sanitizeText(from);
  const lines: string[] = [];
  if (end.result !== undefined) lines.push(`${name}: ${sanitizeText(end.result)}`);
  if (end.metrics) {
    const { total_bytes: total, average_speed: average, peak_speed: peak } = end.metrics;
    lines.push(`${name}: ${formatBytes(total)}, ${formatBytes(average)}/s, at most ${formatBytes(peak)}/s`);
  }
  // A digest or a count in a file is no smaller form of what went in.
  if (end.file) lines.push(fileLine(end.file, end.result === undefined ? inBytes : undefined));
  return lines;
}

const COMPRESSED = /\.(?:t?gz|tgz|zst|tzst|xz|txz|bz2|tbz2?|lz4|lzma|br|zip|7z|gpg|pgp|age)$/i;

function fileLine(file: NonNullable<StreamRecord['file']>, inBytes: number | undefined): string {
  const where = sanitizeText(file.path);
  const checked = file.verified === true ? ', read back and compared' : '';
  if (inBytes === undefined || inBytes <= file.bytes) return `${where}: ${formatBytes(file.bytes)}${checked}`;
  // What else gives less than it takes (`wc`, `jq`) has compressed nothing.
  if (!COMPRESSED.test(file.path))
    return `${where}: ${formatBytes(file.bytes)} out of ${formatBytes(inBytes)}${checked}`;
  const saved = Math.floor((1 - file.bytes / inBytes) * 100);
  return `${where}: ${formatBytes(inBytes)} compressed to ${formatBytes(file.bytes)} (${saved}% reduction)${checked}`;
}

/** Records out of a stage's outputs; none where they are not what they should be. */
export function streamsOf(outputs: Readonly<Record<string, unknown>>): readonly StreamRecord[] {
  const streams = outputs['streams'];
  return Array.isArray(streams) && streams.every(isRecord) ? streams : [];
}

function isRecord(value: unknown): value is StreamRecord {
  return typeof value === 'object' && value !== null && 'from' in value && 'duration_ms' in value;
}
