import type { AnswerCommand, Command, Common } from '../command.ts';
import { openCanceller } from '../canceller.ts';
import { ok } from '../../core/failure.ts';
import type { PipelineLock } from '../../core/run-index.ts';
import { isProblems, orFail, printFailure, printJson, printProblems, withRun } from '../print.ts';
import type { Services } from '../services.ts';

/** `approve` and `reject`: recorded by whoever owns the run, or by us. */
export async function answer(command: AnswerCommand, services: Services): Promise<number> {
  const engine = await services.caretaker();
  return withRun(services, command, command.run, async (runId) => {
    const given = {
      type: command.name,
      ...(command.comment !== undefined && { comment: command.comment }),
    };
    const result = await engine.answer(runId, command.stage, given);
    return orFail(services, command, result, async (status) => {
      const done = command.name === 'approve' ? 'approved' : 'rejected';
      if (command.json) {
        await printJson(services, { pipeline_id: runId, stage: command.stage, answer: done, status });
        return 0;
      }
      const next =
        status === 'waiting' || status === 'interrupted' ? `; pipewright continue ${runId}  goes on` : '';
      await services.terminal.print([`${command.stage} of run ${runId} is ${done}${next}`]);
      return 0;
    });
  });
}

/** `cancel`: final. The `finally` stages of a run that nobody drives run here. */
export async function cancel(
  command: Extract<Command, { readonly name: 'cancel' }>,
  services: Services,
): Promise<number> {
  const engine = await openCanceller(services);
  return withRun(services, command, command.run, async (runId) =>
    orFail(services, command, await engine.cancel(runId), async (status) => {
      if (command.json) await printJson(services, { pipeline_id: runId, status });
      else await services.terminal.print([`run ${runId} is ${status}`]);
      return 0;
    }),
  );
}

/** `unlock`: all locks, or those of one pipeline or environment; with an environment also its locks on the hosts. */
export async function unlock(
  command: Extract<Command, { readonly name: 'unlock' }>,
  services: Services,
): Promise<number> {
  const store = await services.store();
  const index = await store.index();
  if (!index.ok) return printFailure(services, command, index.failure);
  const { pipeline, env: environment } = command;
  const opened = index.value.locked.filter(
    (lock) =>
      (pipeline === undefined || lock.pipeline === pipeline) &&
      (environment === undefined || lock.environment === environment),
  );
  if (opened.length > 0) {
    const recorded = await store.record({
      type: 'unlocked',
      ...(pipeline !== undefined && { pipeline }),
      ...(environment !== undefined && { environment }),
      by: `${services.identity.user}@${services.identity.host}`,
      at: services.now(),
    });
    if (!recorded.ok) return printFailure(services, command, recorded.failure);
  }
  const freed =
    environment === undefined ? ok([]) : await (await services.delivery()).unlockHosts(environment);
  if (!freed.ok) {
    // Open it is all the same, whatever became of the hosts.
    if (opened.length > 0 && !command.json) await sayUnlocked(command, services, { opened, hosts: [] });
    return isProblems(freed.failure)
      ? printProblems(services, command, freed.failure)
      : printFailure(services, command, freed.failure);
  }
  return sayUnlocked(command, services, { opened, hosts: freed.value });
}

async function sayUnlocked(
  command: Common,
  services: Services,
  { opened, hosts }: { readonly opened: readonly PipelineLock[]; readonly hosts: readonly string[] },
): Promise<number> {
  if (command.json) {
    await printJson(services, { unlocked: opened, hosts });
    return 0;
  }
  const lines = [
    ...opened.map((lock) => `unlocked ${lock.pipeline} (${lock.environment}), ${whyLocked(lock)}`),
    ...hosts.map((text) => `unlocked ${text}`),
  ];
  await services.terminal.print(lines.length > 0 ? lines : ['nothing was locked']);
  return 0;
}

function whyLocked({ reason, consecutive_failures: count }: PipelineLock): string {
  return reason === undefined ? `locked after ${count} failures in a row` : `locked because ${reason}`;
}
