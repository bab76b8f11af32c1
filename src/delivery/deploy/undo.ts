import { type Failure, failed, messageOf, ok, type Result } from '../../core/failure.ts';
import type { JsonObject } from '../../core/json.ts';
import { deployTask, noteRelease, restorePlace, wasLeftAlone } from './deploy.ts';
import { asArtifact, GATE_TASK, type GateRecord, type PlaceRecord, readGate } from './records.ts';
import type { DeliverySession } from './session.ts';
import { placeName } from './targets.ts';

/**
 * Undoes what this run deployed: service by service in reverse order, by the same code that deploys, each at most once.
 * Goes on after one that cannot be undone, and then says what a person must do.
 */
export async function undoRelease(session: DeliverySession): Promise<Result<JsonObject>> {
  const { context } = session;
  const record = readGate(context.recorded[GATE_TASK]?.outputs);
  if (!record) return ok({ undone: [] });
  // A task that has not even begun has changed nothing.
  const begun = record.places.filter((place) => context.begun.includes(deployTask(place)));
  const changed = begun.filter((place) => !wasLeftAlone(session, place));
  if (record.has_migration && changed.length > 0) {
    const names = changed.map(({ service, host }) => placeName(service, host)).join(', ');
    const allowed = await context.confirm(
      `the database was changed with this release; bring ${names} back all the same?`,
    );
    if (!allowed.ok) return failed(heldByMigration(session, changed));
  }
  const undone: string[] = [];
  const failures: Failure[] = [];
  const order = changed.toReversed();
  for (const [index, place] of order.entries()) {
    const result = await undoPlace(session, record, place, { index: index + 1, total: order.length });
    const name = placeName(place.service, place.host);
    if (result.ok) undone.push(name);
    else failures.push(notBack(name, result.failure));
  }
  await noteUndone(session, record, begun, undone);
  const [first] = failures;
  return first ? failed(allOf(failures, first)) : ok({ undone });
}

/** What was undone is no target any more, and its commit is bad here; what could not be undone may still serve. */
async function noteUndone(
  session: DeliverySession,
  record: GateRecord,
  begun: readonly PlaceRecord[],
  undone: readonly string[],
): Promise<void> {
  const { context } = session;
  for (const service of new Set(begun.map(({ service: name }) => name))) {
    const unit = record.artifacts[service];
    if (!unit) continue;
    const places = begun.filter((place) => place.service === service);
    const changed = places.filter((place) => !wasLeftAlone(session, place));
    const isBack = changed.every(({ host }) => undone.includes(placeName(service, host)));
    const verdict = isBack ? 'rolled_back' : 'failed';
    await noteRelease(session, record, { service, artifact: asArtifact(unit), verdict });
    // What was left alone serves on, and says nothing of the commit.
    if (record.commit !== '' && changed.length > 0) {
      await context.ports.releases.markBad(context.environment, service, record.commit);
    }
  }
}

async function undoPlace(
  session: DeliverySession,
  record: GateRecord,
  place: PlaceRecord,
  at: { readonly index: number; readonly total: number },
): Promise<Result<JsonObject>> {
  return session.context.task(
    {
      name: placeName(place.service, place.host),
      text: `back to what ${place.service} ran on ${place.host} before`,
      context: place.host,
      work: async (io) => {
        const locked = await session.lock([place.host], io.signal);
        if (!locked.ok) return locked;
        return restorePlace(session, record, place, io);
      },
    },
    at,
  );
}

/** Says of which place: it is the reason of the lock, and all that a person has who comes to look. */
function notBack(place: string, failure: Failure): Failure {
  if (failure.reason === 'cancelled') return failure;
  const message = `${place} could not be brought back (${messageOf(failure)}): look what serves there`;
  return { reason: 'reported', message, retryable: false };
}

function heldByMigration({ context }: DeliverySession, begun: readonly PlaceRecord[]): Failure {
  const places = begun.map(({ service, host }) => placeName(service, host)).join(', ');
  const stay = begun.length === 1 ? 'stays as it is' : 'stay as they are';
  return {
    reason: 'reported',
    message: `the database was changed with this release, so ${places} ${stay}: check that the former version works with the schema as it is now, then pipewright rollback --env ${context.environment}`,
    retryable: false,
  };
}

function allOf(failures: readonly Failure[], first: Failure): Failure {
  if (failures.length === 1) return first;
  return { reason: 'reported', message: failures.map(messageOf).join('; '), retryable: false };
}
