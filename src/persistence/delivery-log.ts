import path from 'node:path';
import type { DeliveryLog, DeliveryRecord } from '../core/deliveries.ts';
import { failed, ok, type Result } from '../core/failure.ts';
import { isObject } from '../core/json.ts';
import type { Clock, Identity } from '../core/ports.ts';
import { appendRecord } from './index-log.ts';
import { claimRun, isClaim } from './owner-claim.ts';
import { makeFolder, readTextIfPresent, replaceFile } from './safe-files.ts';
import { ensureState, stateLayout } from './state-layout.ts';
import { unwritable } from './write-failure.ts';

/** Deliveries that are remembered; one that comes again after so many others would be run again. */
const KEPT_DELIVERIES = 10_000;

interface DeliveryLogOptions {
  readonly stateDir: string;
  readonly identity: Identity;
  readonly clock: Clock;
}

/**
 * Opens the deliveries of a state folder for one process: two that took them would run each twice.
 * Fails with `invalid` when another one has them, or with `state-unwritable`.
 */
export async function openDeliveryLog({
  stateDir,
  identity,
  clock,
}: DeliveryLogOptions): Promise<Result<DeliveryLog>> {
  const layout = stateLayout(stateDir);
  const folder = path.join(layout.root, 'serve');
  const file = path.join(folder, 'deliveries.ndjson');
  try {
    ensureState(layout);
    makeFolder(folder);
    const claim = claimRun(folder, { identity, at: clock.now() }, 0);
    if (!isClaim(claim)) {
      const message = `another "pipewright serve" has this state folder: process ${claim.pid} on ${claim.host}`;
      return failed({ reason: 'invalid', message });
    }
    const records = newest(parse(readTextIfPresent(file) ?? ''));
    await replaceFile(file, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
    return ok({ records, append: async (record) => appendRecord(file, record), close: claim.release });
  } catch (error) {
    return failed(unwritable(error, file));
  }
}

/** A line that a crash tore is none. */
function parse(text: string): readonly DeliveryRecord[] {
  return text.split('\n').flatMap((line) => {
    try {
      const value: unknown = line === '' ? undefined : JSON.parse(line);
      return isDelivery(value) ? [value] : [];
    } catch {
      return [];
    }
  });
}

function isDelivery(value: unknown): value is DeliveryRecord {
  if (!isObject(value) || typeof value['at'] !== 'string') return false;
  if (value['type'] === 'started' || value['type'] === 'ended') return typeof value['run_id'] === 'string';
  const { type, keys, job } = value;
  return type === 'accepted' && Array.isArray(keys) && isObject(job) && typeof job['run_id'] === 'string';
}

function newest(records: readonly DeliveryRecord[]): readonly DeliveryRecord[] {
  const accepted = records.flatMap((record) => (record.type === 'accepted' ? [record.job.run_id] : []));
  const kept = new Set(accepted.slice(-KEPT_DELIVERIES));
  return records.filter((record) => kept.has(record.type === 'accepted' ? record.job.run_id : record.run_id));
}
