import type { ServiceHistory, ServiceRelease } from '../../core/releases.ts';
import type { Common, RollbackCommand } from '../command.ts';
import { driveRun } from '../drive.ts';
import { isProblems, orFail, printFailure, printJson, printProblems } from '../print.ts';
import type { Services, WayBackFacts } from '../services.ts';
import { prepareRequest } from './run.ts';

/** `rollback`: a run of its own, of the pipeline that comes with Pipewright. */
export async function rollback(command: RollbackCommand, services: Services): Promise<number> {
  const desk = await services.delivery();
  const environment = command.env ?? (await defaultEnvironment(services));
  if (command.list) {
    return orFail(services, command, await desk.histories(environment), (histories) =>
      list(command, services, { environment, histories }),
    );
  }
  const { services: names, to } = command;
  const ways = await desk.waysBack(environment, { services: names, ...(to !== undefined && { to }) });
  return orFail(services, command, ways, async (found) => {
    if (!command.json) await services.terminal.print(wayLines(found, services));
    return start(command, services);
  });
}

async function defaultEnvironment(services: Services): Promise<string> {
  const settings = await services.settings();
  return settings.ok ? settings.value.environment : 'default';
}

async function start(command: RollbackCommand, services: Services): Promise<number> {
  const prepared = await prepareRollback(command, services);
  if (!prepared.ok) {
    return isProblems(prepared.failure)
      ? printProblems(services, command, prepared.failure)
      : printFailure(services, command, prepared.failure);
  }
  const request = { ...prepared.value.request, assumeYes: command.yes };
  return driveRun(services, { common: command, assumeYes: command.yes }, (engine, drive) =>
    engine.start(request, drive),
  );
}

/** What goes back, and to which run; without services what was deployed together last. */
type Wanted = Pick<RollbackCommand, 'services' | 'to' | 'env'>;

/** The run that goes back: of the pipeline that comes with Pipewright. */
export function prepareRollback(
  { services: names, to, env, ...common }: Wanted & Common,
  services: Services,
): ReturnType<typeof prepareRequest> {
  return prepareRequest(
    {
      ...common,
      target: services.shippedPipeline('rollback'),
      parameters: [
        ...(names.length > 0 ? [{ name: 'services', value: names.join(',') }] : []),
        ...(to !== undefined ? [{ name: 'to', value: to }] : []),
      ],
      selection: { skip: [], only: [] },
      ...(env !== undefined && { env }),
    },
    services,
  );
}

/** What goes back from what to what, and on which hosts. */
export function wayLines(
  ways: readonly WayBackFacts[],
  { now: nowText }: Pick<Services, 'now'>,
): readonly string[] {
  const now = Date.parse(nowText());
  return ways.flatMap(({ service, from, to, crosses_migration: crosses }) => [
    `${service}: from ${shortOf(from)} to ${shortOf(to)}, deployed ${ageOf(to, now)} ago${from.hosts.length > 0 ? `, on ${from.hosts.join(', ')}` : ''}`,
    ...(crosses
      ? ['  the database was changed in between: does the earlier version work with the schema as it is now?']
      : []),
  ]);
}

function shortOf({ commit, run_id: runId }: ServiceRelease): string {
  return commit === '' ? runId : `${commit.slice(0, 7)} (run ${runId})`;
}

interface Listed {
  readonly environment: string;
  readonly histories: Readonly<Record<string, ServiceHistory>>;
}

async function list(
  command: RollbackCommand,
  services: Services,
  { environment, histories }: Listed,
): Promise<number> {
  const chosen = Object.entries(histories).filter(
    ([service]) => command.services.length === 0 || command.services.includes(service),
  );
  if (command.json) {
    await printJson(services, { environment, services: Object.fromEntries(chosen) });
    return 0;
  }
  const { table } = await services.views();
  const now = Date.parse(services.now());
  const rows = chosen.flatMap(([service, history]) =>
    history.releases.map((release) => [
      release.run_id === history.current?.run_id ? '›' : ' ',
      service,
      release.run_id,
      release.commit.slice(0, 7),
      `${ageOf(release, now)} ago`,
      release.verdict,
      history.bad_commits.includes(release.commit) ? 'bad' : '',
    ]),
  );
  const lines = rows.length > 0 ? table(rows) : [`nothing was deployed to ${environment} yet`];
  await services.terminal.print(lines);
  return 0;
}

function ageOf({ deployed_at: at }: ServiceRelease, nowMs: number): string {
  const minutes = Math.max(0, Math.round((nowMs - Date.parse(at)) / 60_000));
  if (minutes < 60) return `${minutes} min`;
  if (minutes < 48 * 60) return `${Math.round(minutes / 60)} h`;
  return `${Math.round(minutes / 1440)} days`;
}
