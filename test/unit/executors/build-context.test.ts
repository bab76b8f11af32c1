import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { valueOf } from '../../support/results.ts';
import { contextEntries, hashContext, readIgnoreRules } from '../../../src/executors/docker/build-context.ts';

test('the hash of a context of many files follows each byte, and Node warns of nothing', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'pipewright-context-'));
  const warnings: string[] = [];
  const note = ({ name }: Error): void => void warnings.push(name);
  process.on('warning', note);
  try {
    const write = (at: number, text: string): void => writeFileSync(path.join(folder, `file-${at}`), text);
    for (let at = 0; at < 30; at += 1) write(at, `text ${at}`);
    const hash = async (): Promise<string> => {
      const rules = valueOf(await readIgnoreRules(folder, 'Dockerfile'));
      return hashContext(folder, contextEntries(folder, rules, { always: [], never: [] }), {});
    };
    const before = await hash();
    expect(await hash()).toBe(before);
    write(29, 'text 2_');
    expect(await hash()).not.toBe(before);
    // Warnings are told on the next tick.
    await new Promise((resolve) => void setImmediate(resolve));
    expect(warnings).toEqual([]);
  } finally {
    process.off('warning', note);
    rmSync(folder, { recursive: true, force: true });
  }
});
