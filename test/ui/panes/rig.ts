import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import {
  createPaneSet,
  type PaneSet,
  type PaneSetOptions,
  type PaneStatus,
} from '../../../src/ui/panes/index.ts';

export const PANE = 'pane';

/** A log in a folder of its own, and a pane on it. */
export class LogRig {
  readonly file: string;
  readonly panes: PaneSet;

  constructor(
    content: string | Buffer | undefined,
    options: PaneSetOptions & { readonly live?: boolean } = {},
  ) {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-pane-'));
    this.file = path.join(folder, 'step.log');
    if (content !== undefined) writeFileSync(this.file, content);
    this.panes = createPaneSet({ pollMs: 5, ...options });
    this.panes.open(PANE, { file: this.file, live: options.live ?? false });
    onTestFinished(() => {
      this.panes.closeAll();
      rmSync(folder, { recursive: true });
    });
  }

  append(text: string | Buffer): void {
    appendFileSync(this.file, text);
  }

  /** Rows without padding. */
  shown(width = 40, height = 5): string[] {
    return this.panes.rows(PANE, width, height).map((row) => row.trimEnd());
  }

  status(): PaneStatus {
    const status = this.panes.status(PANE);
    if (!status) throw new Error('the pane is not open');
    return status;
  }

  /** Resolves when it holds; checked at each change. */
  async until(holds: (status: PaneStatus) => boolean): Promise<PaneStatus> {
    if (holds(this.status())) return this.status();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        stop();
        reject(new Error(`never became so: ${JSON.stringify(this.status())}`));
      }, 30_000);
      const stop = this.panes.onChange(() => {
        if (!holds(this.status())) return;
        clearTimeout(timer);
        stop();
        resolve(this.status());
      });
    });
  }

  /** Everything is counted and found. */
  async settled(): Promise<PaneStatus> {
    return this.until(isSettled);
  }
}

export function isSettled(status: PaneStatus): boolean {
  return (
    status.linesComplete &&
    (status.search?.complete ?? true) &&
    (status.filter?.complete ?? true) &&
    status.firstError !== 'searching'
  );
}

/** `prefix 1` to `prefix count`, a line each. */
export function numbered(count: number, prefix = 'line'): string {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index + 1}\n`).join('');
}
