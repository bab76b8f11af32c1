import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { valueOf } from './results.ts';
import type { ContainerEngine } from '../../src/core/containers.ts';
import { createEngines } from '../../src/executors/docker/engines.ts';

/** The engine adapter at a daemon; `patience` short where a test lets the daemon be silent. */
export async function engineAt(
  endpoint: string,
  patience = { answerMs: 30_000, pulseMs: 10_000 },
): Promise<ContainerEngine & { readonly close: () => Promise<void> }> {
  const engines = createEngines({ env: { DOCKER_HOST: endpoint }, socketOf: () => '', patience });
  return { ...valueOf(await engines.builder()), close: engines.close };
}

/** A build context: busybox as base (no image can be pulled), and what the test gives. */
export function writeContext(
  folder: string,
  dockerfile: string,
  files: Readonly<Record<string, string>> = {},
): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, 'busybox'), readFileSync('/bin/busybox'), { mode: 0o755 });
  for (const [name, text] of Object.entries({ Dockerfile: dockerfile, ...files })) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** Every applet of busybox that the tests use, in an image from nothing. */
export const BUSYBOX = [
  'FROM scratch',
  'COPY busybox /bin/busybox',
  'RUN ["/bin/busybox", "ln", "-s", "busybox", "/bin/sh"]',
  'ENV PATH=/bin',
  'RUN busybox --install -s /bin',
].join('\n');

/** The image `box:1` with busybox in it, at that daemon; its build context goes below `folder`. */
export async function buildBox({ socket }: { readonly socket: string }, folder: string): Promise<void> {
  const engine = await engineAt(`unix://${socket}`);
  const context = writeContext(path.join(folder, 'box'), BUSYBOX);
  valueOf((await collect(engine, context, { tags: ['box:1'] })).result);
  await engine.close();
}

export async function collect(
  engine: ContainerEngine,
  context: string,
  change: Partial<Parameters<ContainerEngine['build']>[0]> = {},
): Promise<{
  readonly result: Awaited<ReturnType<ContainerEngine['build']>>;
  readonly lines: readonly string[];
}> {
  const lines: string[] = [];
  const request = {
    context,
    leave_out: [],
    dockerfile: 'Dockerfile',
    args: {},
    tags: ['app:test'],
    labels: {},
    ...change,
  };
  const io = { signal: new AbortController().signal, onLine: (line: string) => void lines.push(line) };
  return { result: await engine.build(request, io), lines };
}
