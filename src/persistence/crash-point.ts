/**
 * Test hook: lets a chaos test kill this process at an exact point.
 * `PIPEWRIGHT_CRASH=<point>[:n]` sends SIGKILL to the process itself the n-th time (default: first)
 * that point is reached. Points of the journal are `<event type>:<phase>` with the phases
 * `before-write`, `torn-write`, `before-sync`, `after-sync` and `after-ack`; those of the index
 * `index:<phase>` with the first four; those of snapshots `snapshot:` and `opened`, `written`,
 * `synced`, `renamed`. Anyone may add names of their own, such as `step:spawned`. Without the variable every call is one comparison.
 */
const wanted = parse(process.env['PIPEWRIGHT_CRASH']);
let reached = 0;

/** True once a chaos test asked for a crash anywhere. */
export const crashRequested = wanted !== undefined;

/** Counts this passage of `point`; true when it is the one to die at. */
export function crashDue(point: string): boolean {
  if (!wanted || point !== wanted.point) return false;
  reached += 1;
  return reached === wanted.occurrence;
}

/** Kills this process, as `kill -9` would, when the environment asks for it at `point`. */
export function crashPoint(point: string): void {
  if (crashDue(point)) crash();
}

/** `kill -9` on ourselves: nothing after this call runs. */
export function crash(): void {
  process.kill(process.pid, 'SIGKILL');
}

function parse(
  text: string | undefined,
): { readonly point: string; readonly occurrence: number } | undefined {
  if (!text) return undefined;
  const [, point = text, occurrence = '1'] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
  return { point, occurrence: Number(occurrence) };
}
