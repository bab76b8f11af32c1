import { isSameUnit, type ServiceHistory, type ServiceRelease } from '../../core/releases.ts';
import { settle } from '../list.ts';
import type { ScreenState } from '../state.ts';
import { columns, oneLine } from '../text.ts';
import { type Theme, wordOf } from '../theme.ts';
import { ageOf } from '../times.ts';
import type { ListRow } from './rows.ts';

/** What one service of one environment had deployed. */
export interface ServiceReleases {
  readonly environment: string;
  readonly service: string;
  readonly history: ServiceHistory;
}

/** A release as a row of the list. */
interface ReleaseItem {
  readonly id: string;
  readonly release: ServiceRelease;
  readonly history: ServiceHistory;
}

function itemsOf(services: readonly ServiceReleases[]): readonly ReleaseItem[] {
  return services.flatMap(({ environment, service, history }) =>
    history.releases.map((release) => ({
      id: [environment, service, release.run_id].join('\u0000'),
      release,
      history,
    })),
  );
}

/** Of the rows of the list, from top to bottom. */
export function releaseIds({ releases }: Pick<ScreenState, 'releases'>): readonly string[] {
  return itemsOf(releases.services).map(({ id }) => id);
}

/** The release that keys are about. */
export function chosenRelease({ releases }: Pick<ScreenState, 'releases'>): ReleaseItem | undefined {
  const items = itemsOf(releases.services);
  const id = settle(
    items.map((item) => item.id),
    releases.chosen,
  );
  return items.find((item) => item.id === id);
}

/** Why its service cannot go back to it; undefined when that can be tried. */
export function whyNotBackTo({ release, history }: ReleaseItem): string | undefined {
  if (isSame(release, history.current)) return 'it serves now';
  if (release.verdict !== 'healthy') return 'only to a release that served healthy';
  return history.current && isSameUnit(release, history.current)
    ? 'what serves now is the same release'
    : undefined;
}

/** Releases service by service, newest first; the one that a rollback would bring back is named. */
export function releaseRows(
  { releases }: Pick<ScreenState, 'releases'>,
  { nowMs, theme }: { readonly nowMs: number; readonly theme: Theme },
): readonly ListRow[] {
  const { services, isLoaded } = releases;
  if (services.length === 0) {
    const text = isLoaded ? 'Nothing was deployed yet: releases appear here after a deploy.' : 'reading …';
    return [{ text: theme.dim(text) }];
  }
  const items = itemsOf(services);
  const lines = columns(items.map((item) => rowOf(item, nowMs)));
  return services.flatMap(({ environment, service }, at) => [
    ...(at > 0 ? [{ text: '' }] : []),
    { text: theme.strong(`${oneLine(service)}  (${oneLine(environment)})`) },
    ...items.flatMap(({ id, release }, row) =>
      release.service === service && release.environment === environment
        ? [{ id, text: lines[row] ?? '' }]
        : [],
    ),
  ]);
}

function rowOf({ release, history }: ReleaseItem, nowMs: number): string[] {
  const { current, bad_commits: bad } = history;
  const notes = [
    isSame(release, current) ? 'serves now' : '',
    isSame(release, wayBackOf(history)) ? 'a rollback brings it back' : '',
    bad.includes(release.commit) ? 'its commit was rolled back from' : '',
    release.has_migration ? 'with a migration' : '',
  ].filter((note) => note !== '');
  return [
    ` ${wordOf(release.verdict)}`,
    release.commit.slice(0, 7),
    ageOf(release.deployed_at, nowMs),
    release.run_id,
    notes.join(', '),
  ];
}

/** The newest before what serves now that served healthy, is another one, and was not rolled back from. */
function wayBackOf({ releases, current, bad_commits: bad }: ServiceHistory): ServiceRelease | undefined {
  return releases.find(
    (release) =>
      current !== undefined &&
      release.verdict === 'healthy' &&
      !isSame(release, current) &&
      !bad.includes(release.commit) &&
      !isSameUnit(release, current),
  );
}

function isSame(a: ServiceRelease, b: ServiceRelease | undefined): boolean {
  return b !== undefined && a.run_id === b.run_id;
}
