import type { Analysis } from '../../core/analysis.ts';
import type { JsonValue } from '../../core/json.ts';
import { formatBytes } from '../../core/quantities.ts';
import type { Condition, Verdict } from './records.ts';

/*
 * The conditions of the gate: each from the facts it needs, without asking anybody. Spec 2's five, and those without
 * which the five would not keep their promise.
 */

function condition(
  name: string,
  verdict: Verdict,
  reason: string,
  evidence: Readonly<Record<string, JsonValue>> = {},
): Condition {
  return { name, verdict, reason, evidence };
}

export interface TestStage {
  readonly name: string;
  readonly status: string;
}

/** Spec 2, 1: what is critical has passed for this tree. A skip counts only with the reason of the analysis. */
export function testsPassed(stages: readonly TestStage[], analysis: Analysis | undefined): Condition {
  const evidence = Object.fromEntries(stages.map(({ name, status }) => [name, status]));
  if (stages.length === 0)
    return condition('tests', 'unmeasured', 'this pipeline has no stage that tests', evidence);
  const bad = stages.filter(
    ({ status }) => status !== 'passed' && status !== 'warning' && status !== 'skipped',
  );
  if (bad.length > 0) {
    return condition(
      'tests',
      'failed',
      bad.map(({ name, status }) => `${name} is ${status}`).join(', '),
      evidence,
    );
  }
  const skipped = stages.filter(({ status }) => status === 'skipped');
  if (skipped.length === 0) return condition('tests', 'passed', 'no critical test failed', evidence);
  const names = skipped.map(({ name }) => name).join(', ');
  return analysis
    ? condition('tests', 'passed', `${names} skipped by what has changed`, evidence)
    : condition('tests', 'inconclusive', `${names} skipped: this tree was not tested`, evidence);
}

/** Spec 2, 2: every service that is to be deployed was built. */
export function artifactsExist(wanted: readonly string[], built: readonly string[]): Condition {
  const missing = wanted.filter((service) => !built.includes(service));
  return missing.length > 0
    ? condition('artifacts', 'failed', `not built: ${missing.join(', ')}`, { built: [...built] })
    : condition('artifacts', 'passed', `built: ${wanted.join(', ')}`, { built: [...built] });
}

export interface PlaceFacts {
  readonly place: string;
  /** Undefined before the first deploy. */
  readonly previous?: { readonly digest: string; readonly run_id: string; readonly commit: string };
  /** Why the previous one could not be started again; empty: it could. */
  readonly previous_problems: readonly string[];
  readonly problems: readonly string[];
  readonly free_bytes: number;
  readonly needed_bytes: number;
  readonly volume: string;
  /** Absent where there was no room to bring it: nothing is known then. */
  readonly digest_on_host?: boolean;
}

/** Spec 2, 3, and the state of its own that a first deploy is. */
export function rollbackPossible(places: readonly PlaceFacts[]): readonly Condition[] {
  const broken = places.filter(
    ({ previous, previous_problems: problems }) => previous && problems.length > 0,
  );
  const first = places.filter(({ previous }) => previous === undefined).map(({ place }) => place);
  const evidence = Object.fromEntries(places.map(({ place, previous }) => [place, previous?.digest ?? null]));
  const target =
    broken.length > 0
      ? condition(
          'rollback-target',
          'failed',
          broken
            .map(({ place, previous_problems: problems }) => `${place}: ${problems.join(', ')}`)
            .join('; '),
          evidence,
        )
      : condition('rollback-target', 'passed', 'what serves now can be started again', evidence);
  const firstDeploy =
    first.length > 0
      ? condition(
          'first-deploy',
          'inconclusive',
          `no rollback available: first deploy of ${first.join(', ')}`,
          {
            places: first,
          },
        )
      : condition('first-deploy', 'passed', 'every service has a release to go back to');
  return first.length === places.length ? [firstDeploy] : [target, firstDeploy];
}

/** Spec 2, 4: computed, with a floor. */
export function diskFree(places: readonly PlaceFacts[], floorBytes: number): Condition {
  const evidence = Object.fromEntries(
    places.map(({ place, free_bytes: free, needed_bytes: need }) => [
      place,
      { free_bytes: free, needed_bytes: need },
    ]),
  );
  const short = places.find(
    ({ free_bytes: free, needed_bytes: need }) => !(free >= Math.max(floorBytes, need)),
  );
  if (!short) {
    const least = Math.min(...places.map(({ free_bytes: free }) => free));
    return condition(
      'disk',
      'passed',
      `${formatBytes(least)} free, more than ${formatBytes(floorBytes)} and what is needed`,
      evidence,
    );
  }
  const { place, free_bytes: free, needed_bytes: need, volume } = short;
  const wanted = Math.max(floorBytes, need);
  return condition(
    'disk',
    'failed',
    `${place}: ${formatBytes(free)} free at ${volume}, ${formatBytes(wanted)} needed`,
    evidence,
  );
}

/** Spec 2, 5: every host answers. */
export function hostsAnswer(answers: Readonly<Record<string, string | undefined>>): Condition {
  const silent = Object.entries(answers).filter(([, problem]) => problem !== undefined);
  return silent.length > 0
    ? condition(
        'connection',
        'failed',
        silent.map(([host, problem]) => `${host}: ${problem ?? ''}`).join('; '),
      )
    : condition('connection', 'passed', `${Object.keys(answers).join(', ')} answered`, {
        hosts: Object.keys(answers),
      });
}

/** The gate's last condition: `problem` says why the environment is not held, `notes` what there is to say when it is. */
export function lockHeld(
  hosts: readonly string[],
  problem: string | undefined,
  notes: readonly string[],
): Condition {
  if (problem !== undefined) return condition('lock', 'failed', problem, { hosts: [...hosts] });
  return condition('lock', 'passed', ['held by this run', ...notes].join('; '), { hosts: [...hosts] });
}

/** What lies on the host is what was built, and could be started: platform, tools, ports, compose file. */
export function startable(places: readonly PlaceFacts[]): readonly Condition[] {
  const unknown = places.filter(({ digest_on_host: is }) => is === undefined).map(({ place }) => place);
  if (unknown.length > 0) {
    const reason = `not brought to ${unknown.join(', ')}: no room`;
    return ['digest', 'startable'].map((name) => condition(name, 'unmeasured', reason));
  }
  const wrong = places.filter(({ digest_on_host: is }) => !is).map(({ place }) => place);
  const broken = places.filter(({ problems }) => problems.length > 0);
  return [
    wrong.length > 0
      ? condition('digest', 'failed', `not what was built: ${wrong.join(', ')}`)
      : condition('digest', 'passed', 'the digest on every host is that of the build'),
    broken.length > 0
      ? condition(
          'startable',
          'failed',
          broken.map(({ place, problems }) => `${place}: ${problems.join(', ')}`).join('; '),
        )
      : condition('startable', 'passed', 'nothing keeps it from starting'),
  ];
}

export interface OrderFacts {
  readonly commit: string;
  /** Deployed commits that come after the one being deployed, by service. */
  readonly newer: Readonly<Record<string, string>>;
  readonly allow_older: boolean;
}

/** An older commit never goes over a newer one unasked. */
export function noNewerDeploy({ commit, newer, allow_older: isAllowed }: OrderFacts): Condition {
  const services = Object.entries(newer);
  if (services.length === 0)
    return condition('no-newer-deploy', 'passed', 'nothing newer is deployed', { commit });
  const what = services.map(([service, deployed]) => `${service} runs ${deployed.slice(0, 7)}`).join(', ');
  return condition(
    'no-newer-deploy',
    isAllowed ? 'passed' : 'failed',
    `${what}, which is newer than ${commit.slice(0, 7)}${isAllowed ? '; allowed by allow_older' : '; allow_older: true deploys it all the same'}`,
    { commit, newer },
  );
}

/** A commit that was rolled back from needs a word before it comes again. */
export function notBad(commit: string, services: readonly string[], isAllowed: boolean): Condition {
  if (services.length === 0) return condition('not-bad', 'passed', 'it was not rolled back from', { commit });
  const reason = `${commit.slice(0, 7)} was rolled back from in ${services.join(', ')}`;
  return isAllowed
    ? condition('not-bad', 'passed', `${reason}; allowed by allow_bad`, { commit })
    : condition('not-bad', 'inconclusive', reason, { commit, services: [...services] });
}

/** A change of the schema holds the automatic rollback: the old code may not know the new one. */
export function migration(files: readonly string[]): Condition {
  return files.length > 0
    ? condition(
        'migration',
        'inconclusive',
        `the database changes (${files.slice(0, 3).join(', ')}): no automatic rollback`,
        {
          files: files.slice(0, 20),
        },
      )
    : condition('migration', 'passed', 'no database change is known');
}
