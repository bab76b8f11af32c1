import path from 'node:path';
import { failed, ok, type Result } from '../core/failure.ts';
import type { JsonObject } from '../core/json.ts';
import { parseSize } from '../core/quantities.ts';
import { bindCommand, bindValue } from '../core/template/bind.ts';
import type { CommandTemplate } from '../core/definition.ts';
import type { GraphNode } from './graph.ts';
import type { BoundScript, Output, PumpNode, Work } from './pump-spec.ts';
import type { StreamStep } from './stream-step.ts';

/** Spec 5. */
const DEFAULT_BUFFER_BYTES = 32 * 1024;

interface BindOptions {
  readonly variables: JsonObject;
  /** Absolute. */
  readonly project: string;
  /** Of the stage, relative to the project. */
  readonly workdir?: string | undefined;
}

/** Puts values into one group of a graph. Fails with `template-refused` or `invalid`, with the step's name. */
export function bindGraph(nodes: readonly GraphNode[], options: BindOptions): Result<readonly PumpNode[]> {
  const bound: PumpNode[] = [];
  for (const node of nodes) {
    const folder = path.resolve(options.project, node.step.workdir ?? options.workdir ?? '.');
    const result = bindNode(node, { ...options, folder });
    if (!result.ok) return named(node, result.failure);
    bound.push(result.value);
  }
  return ok(bound);
}

function named(node: GraphNode, failure: Parameters<typeof failed>[0]): Result<never> {
  if (failure.reason === 'template-refused') {
    return failed({ ...failure, detail: `${node.name}: ${failure.detail}` });
  }
  return failed(failure);
}

interface NodeOptions extends BindOptions {
  readonly folder: string;
}

function bindNode(node: GraphNode, options: NodeOptions): Result<PumpNode> {
  const work = workOf(node, options);
  if (!work.ok) return work;
  const output = outputOf(node.step, options);
  if (!output.ok) return output;
  return ok({
    id: node.id,
    name: node.name,
    text: textOf(node.step),
    ...(node.from !== undefined && { from: node.from }),
    ...(node.branch !== undefined && { branch: node.branch }),
    work: work.value,
    output: output.value,
    folder: options.folder,
  });
}

/** What it does, in the words of the file. */
export function textOf(step: StreamStep): string {
  if (step.command) return step.command.text;
  const { uses = 'command', algorithm, level, path: file } = step;
  return [uses, algorithm, level, file?.text].filter((part) => part !== undefined).join(' ');
}

function workOf({ step }: GraphNode, options: NodeOptions): Result<Work> {
  switch (step.uses) {
    case undefined:
      return commandOf(step, options);
    case 'tee': {
      const { on_branch_failure: policy = 'stop', buffer_bytes: bytes = DEFAULT_BUFFER_BYTES } = step;
      return ok({ kind: 'tee', on_branch_failure: policy, buffer_bytes: bytes });
    }
    case 'checksum':
      return checksumOf(step, options);
    case 'progress':
      return progressOf(step, options);
    case 'file': {
      const file = fileOf(step.path, options);
      return file.ok ? ok({ kind: 'file', path: file.value, verify: step.verify ?? true }) : file;
    }
    case 'count':
    case 'null':
      return ok({ kind: step.uses });
    default:
      return ok({ kind: step.uses, ...(step.level !== undefined && { level: step.level }) });
  }
}

function commandOf(step: StreamStep, options: NodeOptions): Result<Work> {
  if (!step.command) return failed({ reason: 'invalid', message: `${step.name} has no command` });
  const bound = scriptOf(step.command, step, options);
  return bound.ok ? ok({ kind: 'command', ...bound.value }) : bound;
}

function scriptOf(
  command: CommandTemplate,
  step: StreamStep,
  { variables }: NodeOptions,
): Result<BoundScript> {
  const bound = bindCommand(command, variables);
  if (!bound.ok) return bound;
  const env: Record<string, string> = {};
  for (const [name, template] of Object.entries(step.env ?? {})) {
    const value = bindValue(template, variables);
    if (!value.ok) return value;
    env[name] = value.value;
  }
  return ok({ script: bound.value.script, env: { ...env, ...bound.value.env } });
}

function checksumOf({ algorithm = 'sha256', expect }: StreamStep, options: NodeOptions): Result<Work> {
  if (!expect) return ok({ kind: 'checksum', algorithm });
  const value = bindValue(expect, options.variables);
  return value.ok ? ok({ kind: 'checksum', algorithm, expect: value.value }) : value;
}

function progressOf(step: StreamStep, options: NodeOptions): Result<Work> {
  if (step.size_command) {
    const bound = scriptOf(step.size_command, step, options);
    return bound.ok ? ok({ kind: 'progress', size_command: bound.value }) : bound;
  }
  if (!step.size) return ok({ kind: 'progress' });
  const value = bindValue(step.size, options.variables);
  if (!value.ok) return value;
  // Nothing known: the bar then shows bytes and rate only.
  if (value.value.trim() === '' || value.value.trim() === '0') return ok({ kind: 'progress' });
  const size = parseAmount(value.value);
  if (size !== undefined) return ok({ kind: 'progress', size });
  const message = `${step.name}: the size ${JSON.stringify(value.value)} is no amount of bytes`;
  return failed({
    reason: 'invalid',
    message,
    hint: 'Write it like 512MB or 2GiB; a bare number counts bytes.',
  });
}

/** Bytes in what `parseSize` reads, and in pv's `10G`, which counts in powers of 1024. */
export function parseAmount(text: string): number | undefined {
  const [, amount, unit] = /^([\d.]+)\s*([kKmMgGtT])$/.exec(text.trim()) ?? [];
  return amount !== undefined && unit !== undefined ? parseSize(`${amount}${unit}iB`) : parseSize(text);
}

function fileOf(template: CommandTemplate | undefined, { variables, folder }: NodeOptions): Result<string> {
  const value = template ? bindValue(template, variables) : ok('');
  if (!value.ok) return value;
  if (value.value === '') return failed({ reason: 'invalid', message: 'the name of a file is empty' });
  return ok(path.resolve(folder, value.value));
}

function outputOf({ output }: StreamStep, options: NodeOptions): Result<Output> {
  if (!output) return ok({ to: 'log' });
  if (output.to !== 'file') return ok(output.to === 'stream' ? { to: 'stream' } : output);
  const file = fileOf(output.path, options);
  return file.ok ? ok({ to: 'file', path: file.value }) : file;
}
