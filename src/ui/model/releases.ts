import type { ServiceHistory, ServiceRelease } from '../../core/releases.ts';
import { columns, oneLine } from '../text.ts';
import { wordOf } from '../theme.ts';
import { ageOf } from '../times.ts';

/** What one service of one environment had deployed. */
export interface ServiceReleases {
  readonly environment: string;
  readonly service: string;
  readonly history: ServiceHistory;
}

/** Releases service by service, newest first; the one that a rollback would bring back is named. */
export function releaseLines(services: readonly ServiceReleases[], nowMs: number): readonly string[] {
  if (services.length === 0) {
    return ['Nothing was deployed yet: releases appear here after a deploy.'];
  }
  return services.flatMap(({ environment, service, history }) => [
    `${oneLine(service)}  (${oneLine(environment)})`,
    ...columns(history.releases.map((release) => releaseRow(release, history, nowMs))),
    '',
  ]);
}

function releaseRow(
  release: ServiceRelease,
  { current, last_healthy: healthy, bad_commits: bad }: ServiceHistory,
  nowMs: number,
): string[] {
  const notes = [
    isSame(release, current) ? 'serves now' : '',
    isSame(release, healthy) && !isSame(release, current) ? 'a rollback brings it back' : '',
    bad.includes(release.commit) ? 'its commit was rolled back from' : '',
    release.has_migration ? 'with a migration' : '',
  ].filter((note) => note !== '');
  return [
    '  ',
    wordOf(release.verdict),
    release.commit.slice(0, 12),
    ageOf(release.deployed_at, nowMs),
    release.run_id,
    notes.join(', '),
  ];
}

function isSame(a: ServiceRelease, b: ServiceRelease | undefined): boolean {
  return b !== undefined && a.run_id === b.run_id;
}
