import fs from 'node:fs';
import path from 'node:path';
import type { Identity } from '../core/ports.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import { claimRun, isClaim, type Owner } from './owner-claim.ts';
import { ensureState, stateLayout } from './state-layout.ts';
import { unwritable } from './write-failure.ts';

/**
 * Makes this process the one watcher of `key` with this state folder, as runs are owned; or tells who is.
 * A watcher that died holds nothing.
 */
export function lockWatch(
  stateDir: string,
  key: string,
  author: { readonly identity: Identity; readonly at: string },
): Result<{ readonly release: () => void } | Pick<Owner, 'pid' | 'host'>> {
  const layout = stateLayout(stateDir);
  const folder = path.join(layout.root, 'watch', key);
  try {
    ensureState(layout);
    fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
    const claim = claimRun(folder, author, 0);
    if (!isClaim(claim)) return ok(claim);
    sweepOlder(folder, claim.epoch);
    return ok({ release: claim.release });
  } catch (error) {
    return failed(unwritable(error, folder));
  }
}

/** Claims before the newest decide nothing any more. */
function sweepOlder(folder: string, epoch: number): void {
  for (const name of fs.readdirSync(folder)) {
    const number = Number(/^owner\.(\d+)/.exec(name)?.[1] ?? epoch);
    if (number < epoch) fs.rmSync(path.join(folder, name), { force: true });
  }
}
