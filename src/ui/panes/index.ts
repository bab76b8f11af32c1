export * from './contract.ts';
export { createPaneSet } from './pane-set.ts';
export { MAX_OSC52_BYTES, osc52 } from './osc52.ts';
export { type Compositor, createCompositor } from './compositor.ts';
export { SPINNER_CELL } from './motion.ts';
