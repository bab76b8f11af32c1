import type { Engine } from '../core/engine/api.ts';
import { nobody } from './prompter.ts';
import type { Services } from './services.ts';

/**
 * What cancels a run, with the stage kinds that its `finally` stages are of. A broken project file must not keep
 * a run from being cancelled: without the kinds those stages fail, and the run is over all the same.
 */
export async function openCanceller(services: Services): Promise<Pick<Engine, 'cancel'>> {
  const engine = await services.engine(nobody);
  return engine.ok ? engine.value : services.caretaker();
}
