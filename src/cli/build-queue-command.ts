import type { Result } from '../core/failure.ts';
import { ok } from '../core/failure.ts';
import { QUEUES } from '../core/queue/broker.ts';
import type { Command } from './command.ts';
import { QUEUE_VERBS } from './command.ts';
import type { CommandInput } from './command-input.ts';
import { didYouMean } from './did-you-mean.ts';
import { last, list } from './scanned.ts';
import { usageError } from './scan.ts';

export function buildQueue({ common, args, scanned, spec }: CommandInput): Result<Command> {
  const { flags, positionals } = scanned;
  const verb = QUEUE_VERBS.find((known) => known === positionals[0]) ?? 'stats';
  const [job] = args;
  const all = flags.has('all');
  if (verb !== 'retry' && (job !== undefined || all))
    return usageError(`"queue ${verb}" takes no job.`, spec);
  if (verb === 'retry' && (job === undefined) !== all)
    return usageError('"queue retry" needs a job, or --all.', spec);
  const wanted = last(scanned, 'queue');
  const queue = QUEUES.find((known) => known === wanted);
  if (wanted !== undefined && !queue) {
    return usageError(`There is no queue "${wanted}".${didYouMean(wanted, QUEUES)}`, spec);
  }
  return ok({
    ...common,
    name: 'queue',
    verb,
    all,
    limit: Number(last(scanned, 'limit') ?? 20),
    yes: flags.has('yes'),
    ...(job !== undefined && { job }),
    ...(queue && { queue }),
  });
}

export function buildWorker({ common, scanned, spec }: CommandInput): Result<Command> {
  const wanted = list(scanned, 'queues');
  const unknown = wanted.find((name) => !QUEUES.some((known) => known === name));
  if (unknown !== undefined) {
    return usageError(`There is no queue "${unknown}".${didYouMean(unknown, QUEUES)}`, spec);
  }
  const queues = QUEUES.filter((name) => wanted.length === 0 || wanted.includes(name));
  const number = (name: string): number | undefined => {
    const text = last(scanned, name);
    return text === undefined ? undefined : Number(text);
  };
  const [concurrency, maxConcurrency] = [number('concurrency'), number('max-concurrency')];
  if (concurrency === 0 || maxConcurrency === 0)
    return usageError('A worker takes at least one job at a time.', spec);
  return ok({
    ...common,
    name: 'worker',
    queues,
    isHere: scanned.flags.has('here'),
    everySeconds: Math.max(1, number('every') ?? 60),
    graceSeconds: number('grace') ?? 30,
    ...(concurrency !== undefined && { concurrency }),
    ...(maxConcurrency !== undefined && { maxConcurrency }),
  });
}
