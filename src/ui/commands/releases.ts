import type { RollbackOrder } from '../backend.ts';
import { move, settle } from '../list.ts';
import { chosenRelease, releaseIds } from '../model/releases.ts';
import type { ReleasesState } from '../state.ts';
import { oneLine } from '../text.ts';
import type { AppCommands } from './app.ts';
import { type CommandContext, patch, sayRefusal, withBusy } from './context.ts';
import type { DriveCommands } from './drive.ts';

/** What was deployed, service by service, and the way back. */
export interface ReleaseCommands {
  readonly show: () => void;
  readonly back: () => void;
  readonly move: (by: number) => void;
  /** Chooses a release; of the chosen one its run is shown. */
  readonly choose: (id: string) => void;
  readonly open: () => void;
  /** Shows what going back to the chosen release would do, and does it after a yes. */
  readonly rollBack: () => void;
  /** The same for all services that were deployed together last. */
  readonly rollBackAll: () => void;
}

interface Doors {
  readonly openRun: (runId: string) => void;
}

export function createReleaseCommands(
  context: CommandContext,
  app: AppCommands,
  drive: DriveCommands,
  { openRun }: Doors,
): ReleaseCommands {
  const { store, backend } = context;
  const change = (edit: (releases: ReleasesState) => Partial<ReleasesState>): void =>
    patch(store, ({ releases }) => ({ releases: { ...releases, ...edit(releases) } }));
  const open = (): void => {
    const item = chosenRelease(store.getState());
    if (item) openRun(item.release.run_id);
  };
  return {
    show: () => {
      patch(store, () => ({ screen: 'releases' }));
      void withBusy(context, 'reading releases', async () => {
        const services = await backend.releases();
        change(() => ({ services, isLoaded: true }));
      });
    },
    back: () => patch(store, () => ({ screen: 'history' })),
    move: (by) => {
      const ids = releaseIds(store.getState());
      change(({ chosen }) => ({ chosen: move(ids, settle(ids, chosen), by) }));
    },
    choose: (id) => {
      if (chosenRelease(store.getState())?.id === id) open();
      else change(() => ({ chosen: id }));
    },
    open,
    rollBack: () => {
      const item = chosenRelease(store.getState());
      if (!item) return;
      const { environment, service, run_id: to } = item.release;
      void offer(context, app, drive, { environment, services: [service], to });
    },
    rollBackAll: () => {
      const item = chosenRelease(store.getState());
      if (item) void offer(context, app, drive, { environment: item.release.environment, services: [] });
    },
  };
}

/** Nothing begins before it was seen; the run that follows asks no second time. */
function offer(
  { backend, ...context }: CommandContext,
  app: AppCommands,
  drive: DriveCommands,
  order: RollbackOrder,
): Promise<void> {
  return withBusy({ backend, ...context }, 'looking where it goes back to', async () => {
    const ways = await backend.waysBack(order);
    if (!ways.ok) return sayRefusal(context.store, ways.failure);
    app.showPage({
      title: `Roll back in ${oneLine(order.environment)}: this would happen`,
      lines: ways.value,
      offer: {
        label: 'roll back',
        accept: () => drive.start({ type: 'rollback', order }, 'rollback'),
      },
    });
  });
}
