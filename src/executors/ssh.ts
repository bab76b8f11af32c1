import type { Executor } from '../core/ports.ts';
import type { Link } from './ssh/link.ts';
import { LinkExecutor, type LinkExecutorOptions } from './ssh/link-executor.ts';
import { stopRemote } from './ssh/leftovers.ts';

/** A run whose commands are executed behind a link. */
export type SshExecutorOptions = Omit<LinkExecutorOptions, 'link' | 'stop'> & { readonly link: Link };

/**
 * Commands on another machine. They run there in a session of their own, with claim and exit record in
 * ~/.pipewright/runs/<run>, so that neither a broken link nor our death ends them at once or starts them twice:
 * whoever comes back takes them up where the output stood.
 */
export function createSshExecutor(options: SshExecutorOptions): Executor {
  const { link, runId } = options;
  const { name, settings } = link.target;
  const executor = new LinkExecutor({
    ...options,
    link: {
      name,
      recordsName: '~/.pipewright',
      exec: (command) => link.exec(command),
      abandon: () => link.abandon(),
      get isClosed() {
        return link.isClosed;
      },
    },
    stop: (graceMs) => stopRemote(link, runId, graceMs),
  });
  return {
    name,
    workdir: (settings.workdir ?? '.').replace(/^~\//, ''),
    run: (command, output, signal) => executor.run(command, output, signal),
    recover: (command, output, signal) => executor.recover(command, output, signal),
    stopLeftovers: () => executor.stopLeftovers(),
    close: () => Promise.resolve(),
  };
}
