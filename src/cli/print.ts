import { harmlessJson } from '../core/terminal-text.ts';
import { FAILURE_TRAITS, type Failure, type Result } from '../core/failure.ts';
import type { Common } from './command.ts';
import type { CommandStore, Problems, Services, View } from './services.ts';

/** The view as one JSON document or as lines. Exit code 0. */
export async function printView(services: Services, common: Common, view: View): Promise<number> {
  if (common.json) await printJson(services, view.document());
  else await services.terminal.print(view.lines());
  return 0;
}

/** One JSON document on stdout. */
export async function printJson(services: Services, document: object): Promise<void> {
  await services.terminal.write(`${harmlessJson(document, 2)}\n`);
}

/** Says what is wrong and what can be done, on stderr; with --json also as a document on stdout. The exit code. */
export async function printFailure(services: Services, common: Common, failure: Failure): Promise<number> {
  const views = await services.views();
  const exitCode = FAILURE_TRAITS[failure.reason].exitCode;
  services.terminal.say(`pipewright: ${views.describeFailure(failure)}`);
  const hint = views.hintFor(failure);
  if (hint !== undefined) services.terminal.say(`  ${hint}`);
  if (common.logLevel === 'debug' && failure.reason === 'unexpected' && failure.stack) {
    services.terminal.say(failure.stack);
  }
  if (common.json) await printJson(services, { error: failure, exit_code: exitCode });
  return exitCode;
}

/** Problems in files: all of them, on stderr. Exit code 2. */
export async function printProblems(services: Services, common: Common, problems: Problems): Promise<number> {
  for (const text of problems.text) services.terminal.say(text);
  if (common.json) {
    await printJson(services, {
      error: { reason: 'invalid', message: 'the files have problems' },
      diagnostics: problems.diagnostics,
      exit_code: 2,
    });
  }
  return 2;
}

/** Finds a run and does something with it; says so when there is none. */
export async function withRun(
  services: Services,
  common: Common,
  query: string,
  next: (runId: string, store: CommandStore) => Promise<number>,
): Promise<number> {
  const store = await services.store();
  const found = await store.find(query);
  return found.ok ? next(found.value, store) : printFailure(services, common, found.failure);
}

/** Continues with a value, or prints the failure. */
export async function orFail<T>(
  services: Services,
  common: Common,
  result: Result<T>,
  next: (value: T) => Promise<number>,
): Promise<number> {
  return result.ok ? next(result.value) : printFailure(services, common, result.failure);
}

/** Tells problems in files from failures. */
export function isProblems(failure: Failure | Problems): failure is Problems {
  return 'diagnostics' in failure;
}
