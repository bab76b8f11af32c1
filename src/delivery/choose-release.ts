import { failed, ok, type Result } from '../core/failure.ts';
import { isSameUnit, type ServiceHistory, type ServiceRelease } from '../core/releases.ts';

/** One service on its way back. */
export interface WayBack {
  readonly service: string;
  readonly from: ServiceRelease;
  readonly to: ServiceRelease;
  /** The schema has moved in between: not done unasked. */
  readonly crosses_migration: boolean;
}

interface Wanted {
  /** Empty: those that were deployed together last, without what that deploy left as it was. */
  readonly services: readonly string[];
  /** A run, or the beginning of its id. */
  readonly to?: string;
}

/**
 * Where each service goes back to: the newest release before the current one that served healthy, is another one, and was
 * not rolled back from. `invalid` says what is missing, by service.
 */
export function waysBack(
  histories: Readonly<Record<string, ServiceHistory>>,
  { services, to }: Wanted,
): Result<readonly WayBack[]> {
  const wanted = services.length > 0 ? services : releasedTogether(histories, to);
  if (wanted.length === 0) return refused('nothing is deployed in this environment');
  const found: WayBack[] = [];
  const missing: string[] = [];
  for (const service of wanted) {
    const way = Object.hasOwn(histories, service) ? wayBack(service, histories[service], to) : undefined;
    if (way) found.push(way);
    else missing.push(service);
  }
  if (missing.length === 0) return ok(found);
  const which =
    to === undefined ? 'no earlier release that served healthy' : `no healthy release of run ${to}`;
  return refused(`${missing.join(', ')}: ${which}`);
}

/** Of the run that deployed last what it has changed; all of it, where it has changed nothing. */
function releasedTogether(
  histories: Readonly<Record<string, ServiceHistory>>,
  to: string | undefined,
): readonly string[] {
  const together = deployedTogether(histories);
  const changed = together.filter((service) => !isAlreadyBack(histories[service], to));
  return changed.length > 0 ? changed : together;
}

/** What it would go back to is what it runs: the run deployed it again as it was. */
function isAlreadyBack(history: ServiceHistory | undefined, to: string | undefined): boolean {
  const from = history?.current;
  if (!history || !from) return false;
  const before = history.releases.find((release) => isHealthyBefore(history, from, { release, to }));
  return before !== undefined && isSameUnit(before, from);
}

/** All services whose current release is of the run that deployed last. */
function deployedTogether(histories: Readonly<Record<string, ServiceHistory>>): readonly string[] {
  const current = Object.entries(histories).flatMap(([service, history]) =>
    history.current ? [{ service, release: history.current }] : [],
  );
  const newest = current.toSorted((a, b) => timeOf(b.release) - timeOf(a.release))[0];
  return current
    .filter(({ release }) => release.run_id === newest?.release.run_id)
    .map(({ service }) => service);
}

function wayBack(
  service: string,
  history: ServiceHistory | undefined,
  to: string | undefined,
): WayBack | undefined {
  const from = history?.current;
  if (!history || !from) return undefined;
  const target = history.releases.find(
    (release) => isHealthyBefore(history, from, { release, to }) && !isSameUnit(release, from),
  );
  if (!target) return undefined;
  const passed = history.releases.slice(
    history.releases.findIndex(({ run_id: id }) => id === from.run_id),
    history.releases.indexOf(target),
  );
  return { service, from, to: target, crosses_migration: passed.some((release) => release.has_migration) };
}

function isHealthyBefore(
  { bad_commits: bad }: ServiceHistory,
  from: ServiceRelease,
  { release, to }: { readonly release: ServiceRelease; readonly to: string | undefined },
): boolean {
  if (release.verdict !== 'healthy' || release.run_id === from.run_id) return false;
  return to === undefined ? !bad.includes(release.commit) : release.run_id.startsWith(to);
}

function timeOf({ deployed_at: at }: ServiceRelease): number {
  return Date.parse(at) || 0;
}

function refused(message: string): Result<never> {
  return failed({ reason: 'invalid', message, hint: 'pipewright rollback --list shows what there is' });
}
