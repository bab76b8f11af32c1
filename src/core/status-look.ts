import type { RunStatus, StageStatus } from './definition.ts';

type AnyStatus = StageStatus | RunStatus;

/** One mark per status, so that colours are not the only sign. */
const MARKS: Readonly<Record<AnyStatus, string>> = {
  pending: '·',
  waiting: '?',
  running: '▶',
  passed: '✓',
  success: '✓',
  warning: '!',
  failed: '✗',
  skipped: '-',
  cancelled: '■',
  interrupted: '‖',
  rolled_back: '↩',
};

/** The mark of a status. */
export function markOf(status: AnyStatus): string {
  return MARKS[status];
}

type Paints = Readonly<Record<'good' | 'bad' | 'warn' | 'info' | 'dim', (text: string) => string>>;

/** `text` in the colour of `status`. */
export function paintStatus(status: AnyStatus, text: string, paints: Paints): string {
  if (status === 'passed' || status === 'success') return paints.good(text);
  if (status === 'failed' || status === 'cancelled') return paints.bad(text);
  if (status === 'pending' || status === 'skipped') return paints.dim(text);
  if (status === 'running') return paints.info(text);
  return paints.warn(text);
}
