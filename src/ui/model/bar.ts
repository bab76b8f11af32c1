import { formatBytes } from '../../core/quantities.ts';
import { markOf } from '../../core/status-look.ts';
import type { StepProgress, TestCounts } from '../../core/stream-report.ts';
import { etaText } from '../../core/stream-text.ts';
import type { Theme } from '../theme.ts';

/** A bar is at least so wide, or it says nothing. */
const LEAST_BAR = 6;

/** `███████░░░░░  45% 452 MiB/1 GiB 23 MiB/s ETA: 25s` in `width` columns; what has no room is left out. */
export function barRow(step: StepProgress, width: number, theme: Theme): string {
  const { bytes = 0, size, bytes_per_second: rate = 0, eta_ms: etaMs } = step;
  const speed = rate > 0 ? `${formatBytes(rate)}/s` : '';
  if (size === undefined || size <= 0) return fitting([formatBytes(bytes), speed], width).join(' ');
  // A tar is longer than its files: 100 % is for the end.
  const fraction = step.status === 'passed' ? 1 : Math.min(0.99, bytes / size);
  const percent = `${Math.floor(fraction * 100)}%`.padStart(4);
  const eta = etaMs === undefined ? '' : etaText(etaMs);
  const room = width - LEAST_BAR - percent.length - 1;
  const facts = fitting([eta, speed, `${formatBytes(bytes)}/${formatBytes(size)}`], room);
  const text = [percent, ...inOrder(facts)].join(' ');
  const bar = Math.min(24, width - text.length - 1);
  const done = Math.round(bar * fraction);
  return `${theme.info('█'.repeat(done))}${theme.dim('░'.repeat(bar - done))} ${text}`;
}

/** As many of the facts, most wanted first, as fit beside each other. */
function fitting(facts: readonly string[], width: number): readonly string[] {
  const fit: string[] = [];
  let used = 0;
  for (const fact of facts) {
    if (fact === '' || used + fact.length + 1 > width) continue;
    fit.push(fact);
    used += fact.length + 1;
  }
  return fit;
}

/** What was wanted most stands last. */
function inOrder(facts: readonly string[]): readonly string[] {
  return facts.toReversed();
}

/** What a part without a bar has taken in, or found out. */
export function amountOf(step: StepProgress): string {
  if (step.result !== undefined) return step.result;
  if (step.counts) return countsMarks(step.counts);
  return step.bytes === undefined || step.bytes === 0 ? '' : formatBytes(step.bytes);
}

/** `✓12 ✗1`: short, because the tree is narrow. */
function countsMarks({ passed, failed, skipped }: TestCounts): string {
  const parts = [`${markOf('passed')}${passed}`];
  if (failed > 0) parts.push(`${markOf('failed')}${failed}`);
  if (skipped > 0) parts.push(`${markOf('skipped')}${skipped}`);
  return parts.join(' ');
}
