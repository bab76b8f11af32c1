import fs from 'node:fs';
import { setInterval } from 'node:timers';

/** Between two looks where the system gives no notice (shared disks, containers), milliseconds. */
const POLL_MS = 250;

/**
 * Calls `look` whenever something changes in `folder`, and every 250 ms in case the notice got lost.
 * Keeps the process alive only with `keepAlive`. Returns the function that stops it.
 */
export function watchFolder(folder: string, look: () => void, keepAlive = false): () => void {
  const timer = setInterval(look, POLL_MS);
  if (!keepAlive) timer.unref();
  const watcher = startWatcher(folder, look);
  return () => {
    clearInterval(timer);
    watcher?.close();
  };
}

/** Undefined where it cannot be watched (no inotify handle left): the timer does it. */
function startWatcher(folder: string, look: () => void): fs.FSWatcher | undefined {
  try {
    const watcher = fs.watch(folder, { persistent: false }, look);
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}
