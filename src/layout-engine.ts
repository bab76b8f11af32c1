/**
 * To be called before the screen is loaded. Here it does nothing: Ink waits for its layout engine while it is loaded
 * itself. In the build, whose scripts cannot wait then, `.rolldown.config.js` has it load the engine.
 */
export async function loadLayoutEngine(): Promise<void> {}
