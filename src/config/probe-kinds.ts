import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

/** A module that has not been loaded by then is given up, milliseconds. */
const LOAD_LIMIT_MS = 5000;

interface ProbePlace {
  readonly folder: string;
  /** Where `import … from 'pipewright'` leads. */
  readonly apiUrl: string;
}

/**
 * Loads modules on a thread of its own and says which would never let this one go on: an endless loop there can be
 * stopped, here it cannot. Absolute path to the reason; modules that load or throw are not in it.
 */
export async function probeKinds(
  files: readonly string[],
  place: ProbePlace,
): Promise<ReadonlyMap<string, string>> {
  const unusable = new Map<string, string>();
  let rest = files;
  while (rest.length > 0) {
    const { settled, reason } = await probe(rest, place);
    const stuck = rest[settled];
    if (stuck === undefined || reason === undefined) break;
    unusable.set(stuck, reason);
    rest = rest.slice(settled + 1);
  }
  return unusable;
}

interface ProbeResult {
  /** So many of the files were loaded, or threw. */
  readonly settled: number;
  /** Why the next one was not. */
  readonly reason?: string;
}

function probe(files: readonly string[], { folder, apiUrl }: ProbePlace): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const worker = new Worker(SCRIPT, {
    eval: true,
    stdout: true,
    stderr: true,
    workerData: {
      urls: files.map((file) => pathToFileURL(file).href),
      base: `${pathToFileURL(folder).href}/`,
      apiUrl,
    },
  });
  let settled = 0;
  const late = (): void => {
    resolve({ settled, reason: `it did not finish loading within ${LOAD_LIMIT_MS / 1000} s` });
    void worker.terminate();
  };
  let timer = setTimeout(late, LOAD_LIMIT_MS);
  worker.on('message', () => {
    settled += 1;
    clearTimeout(timer);
    if (settled === files.length) void worker.terminate();
    else timer = setTimeout(late, LOAD_LIMIT_MS);
  });
  // Thrown by a timer of the module, out of our reach: whoever loads it here meets it again.
  worker.on('error', () => resolve({ settled, reason: 'it fails after it was loaded' }));
  worker.on('exit', () => {
    clearTimeout(timer);
    resolve(
      settled === files.length
        ? { settled }
        : { settled, reason: 'it never finishes loading, or ends the program while it does' },
    );
  });
  return promise;
}

/** CommonJS, and nothing of ours in it: what is measured is the module alone. */
const SCRIPT = `
const { parentPort, workerData } = require('node:worker_threads');
const { registerHooks } = require('node:module');
const { urls, base, apiUrl } = workerData;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'pipewright' && context.parentURL?.startsWith(base)
      ? { url: apiUrl, shortCircuit: true }
      : next(specifier, context),
  load: (url, context, next) =>
    url.startsWith(base) && /\\.js(?:\\?|$)/.test(url) ? next(url, { ...context, format: 'module' }) : next(url, context),
});
(async () => {
  for (const url of urls) {
    try {
      const { default: made, stage } = await import(url);
      const exported = made ?? stage;
      if (typeof exported === 'function') await exported(await import(apiUrl));
    } catch {}
    parentPort.postMessage('settled');
  }
})();
`;
