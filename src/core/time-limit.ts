// oxlint-disable-next-line no-restricted-imports -- it computes and does nothing else; there is no port for that
import { createContext, Script } from 'node:vm';
import { ok, type Result } from './failure.ts';

const script = new Script('work()', { filename: 'time-limit' });

/** Made once, when it is first needed: that costs a millisecond, a call a tenth of one. */
let sandbox: { work?: () => void } | undefined;

/**
 * What `work` returns, or a failure when it has not returned within `limitMs` (milliseconds): a regular expression
 * may need exponential time, and nothing else can end one. `work` must be synchronous, and may be ended anywhere,
 * without its `finally` blocks: it must change nothing outside itself. What it throws is thrown.
 * Source: node:vm, option `timeout`; it holds for everything that the script calls.
 */
export function withTimeLimit<T>(work: () => T, limitMs: number): Result<T, 'timeout'> {
  sandbox ??= createContext({});
  let done: Result<T, 'timeout'> = { ok: false, failure: 'timeout' };
  sandbox.work = () => {
    done = ok(work());
  };
  try {
    script.runInContext(sandbox, { timeout: limitMs });
  } catch (error) {
    if (!isTimeout(error)) throw error;
  }
  return done;
}

/** Of another realm: `instanceof Error` does not know it. */
function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
