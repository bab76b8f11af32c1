export * from './contract.ts';
export { createPaneSet } from './pane-set.ts';
export { MAX_OSC52_BYTES, osc52 } from './osc52.ts';
export {
  type Compositor,
  type CompositorOptions,
  type CompositorStats,
  createCompositor,
  SPINNER_CELL,
} from './compositor.ts';
export type { PanePlace } from './compose.ts';
