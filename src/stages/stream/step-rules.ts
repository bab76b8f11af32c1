import type { z } from 'zod';
import type { CommandTemplate } from '../../core/definition.ts';
import { parseAmount } from '../../streams/bind-graph.ts';
import {
  BUILT_IN_KINDS,
  type BuiltInKind,
  CHECKSUM_DIGITS,
  type StepOutput,
  type StreamStep,
} from '../../streams/stream-step.ts';

/** A step or branch whose keys are right one by one. */
export interface WrittenStep {
  readonly name?: string | undefined;
  readonly command?: CommandTemplate | undefined;
  readonly uses?: BuiltInKind | undefined;
  readonly type?: BuiltInKind | undefined;
  readonly input?: string | undefined;
  readonly output?: StepOutput | undefined;
  readonly branches?: readonly StreamStep[] | undefined;
  readonly steps?: readonly StreamStep[] | undefined;
  readonly on_branch_failure?: 'stop' | 'continue' | undefined;
  readonly buffer?: number | undefined;
  readonly algorithm?: StreamStep['algorithm'] | undefined;
  readonly expect?: CommandTemplate | undefined;
  readonly size?: CommandTemplate | { readonly command: CommandTemplate } | undefined;
  readonly level?: number | undefined;
  readonly path?: CommandTemplate | undefined;
  readonly verify?: boolean | undefined;
  readonly env?: Readonly<Record<string, CommandTemplate>> | undefined;
  readonly workdir?: string | undefined;
}

type Kind = BuiltInKind | 'command' | 'chain';

const COMMON = new Set(['name', 'uses', 'type', 'input', 'output', 'workdir']);
const OWN_KEYS: Readonly<Record<Kind, readonly string[]>> = {
  command: ['command', 'env'],
  chain: ['steps'],
  tee: ['branches', 'on_branch_failure', 'buffer'],
  checksum: ['algorithm', 'expect'],
  progress: ['size', 'env'],
  count: [],
  file: ['path', 'verify'],
  null: [],
  gzip: ['level'],
  gunzip: [],
  zstd: ['level'],
  unzstd: [],
};

/** Where a kind may send its output, for those that cannot send it everywhere. */
const OUTPUTS: Partial<Record<Kind, readonly StepOutput['to'][]>> = {
  tee: [],
  chain: [],
  null: ['stream'],
  file: ['file'],
  progress: ['stream', 'stderr', 'log'],
};

type Refuse = (key: string | undefined, message: string, hint?: string) => void;

/** Reports keys that do not fit together, each at its key. */
export function checkStep(
  written: WrittenStep,
  place: 'step' | 'branch',
  context: z.core.$RefinementCtx,
): void {
  const refuse: Refuse = (key, message, hint) => {
    const path = key === undefined ? [] : [key];
    context.addIssue({ code: 'custom', path, message, ...(hint !== undefined && { params: { hint } }) });
  };
  const kind = kindOf(written);
  if (written.uses !== undefined && written.type !== undefined) {
    refuse('type', 'write uses or type, not both');
  }
  if (kind === 'chain' && place === 'step') refuse('steps', 'only a branch has steps of its own');
  checkKeys(written, kind, refuse);
  checkNeeded(written, kind, refuse);
  checkOutput(written, kind, refuse);
  if (kind === 'gzip' && (written.level ?? 1) > 9) refuse('level', 'gzip knows the levels 1 to 9');
  if (kind === 'checksum') checkExpected(written, refuse);
  if (kind === 'progress') checkSize(written, refuse);
}

function kindOf(written: WrittenStep): Kind {
  const uses = written.uses ?? written.type;
  if (uses !== undefined) return uses;
  if (written.steps !== undefined) return 'chain';
  if (written.branches !== undefined) return 'tee';
  return written.output?.to === 'file' && !written.command ? 'file' : 'command';
}

function checkKeys(written: WrittenStep, kind: Kind, refuse: Refuse): void {
  const article = kind === 'chain' ? 'a branch with steps' : `a ${kind}`;
  for (const [key, value] of Object.entries(written)) {
    if (value === undefined || COMMON.has(key) || OWN_KEYS[kind].includes(key)) continue;
    refuse(key, `means nothing at ${article}`);
  }
}

function checkNeeded(written: WrittenStep, kind: Kind, refuse: Refuse): void {
  if (kind === 'command' && !written.command) {
    const hint = `Built-ins: ${BUILT_IN_KINDS.join(', ')}.`;
    refuse(undefined, 'needs a command, or uses: with a built-in', hint);
  }
  if (kind === 'tee' && !written.branches) refuse(undefined, 'a tee needs branches');
  if (kind === 'file' && !written.path && written.output?.to !== 'file') {
    refuse(undefined, 'a file needs a path');
  }
}

function checkOutput({ output, path }: WrittenStep, kind: Kind, refuse: Refuse): void {
  const allowed = OUTPUTS[kind];
  if (!output || !allowed) return;
  if (kind === 'chain') {
    refuse('output', 'a branch with steps has no output of its own', 'Give the last of its steps an output.');
  } else if (!allowed.includes(output.to)) refuse('output', `a ${kind} has no such output`);
  else if (kind === 'file' && path) refuse('output', 'write path or output, not both');
}

function checkExpected({ expect, algorithm = 'sha256' }: WrittenStep, refuse: Refuse): void {
  // A value is known only when it runs.
  if (!expect || expect.values.length > 0) return;
  const digits = CHECKSUM_DIGITS[algorithm];
  const [hex = ''] = expect.text
    .trim()
    .replace(/^[\w-]+:/, '')
    .split(/\s/, 1);
  if (hex.length === digits && /^[0-9a-fA-F]+$/.test(hex)) return;
  refuse('expect', `is no ${algorithm}: that has ${digits} hexadecimal digits`);
}

function checkSize({ size }: WrittenStep, refuse: Refuse): void {
  if (!size || 'command' in size || size.values.length > 0 || parseAmount(size.text) !== undefined) return;
  refuse('size', `${JSON.stringify(size.text)} is no amount of bytes`, 'Write it like 512MB or 2GiB.');
}

/** The step in its one form; an absent name is empty. */
export function settleStep(written: WrittenStep): StreamStep {
  const { uses: _uses, type: _type, size, buffer, path, output, ...rest } = written;
  const kind = kindOf(written);
  const builtIn = kind === 'command' || kind === 'chain' ? undefined : kind;
  return {
    ...withoutUndefined(rest),
    name: written.name ?? '',
    ...(builtIn && { uses: builtIn }),
    ...(builtIn === 'checksum' && { algorithm: written.algorithm ?? 'sha256' }),
    ...placeOf(builtIn, path, output),
    ...(buffer !== undefined && { buffer_bytes: buffer }),
    ...(size && ('command' in size ? { size_command: size.command } : { size })),
    ...(written.steps && { steps: named(written.steps, 'step') }),
    ...(written.branches && { branches: named(written.branches, 'branch') }),
  };
}

function placeOf(
  kind: BuiltInKind | undefined,
  path: CommandTemplate | undefined,
  output: StepOutput | undefined,
): Pick<StreamStep, 'path' | 'output'> {
  if (kind !== 'file') return output ? { output } : {};
  const file = path ?? (output?.to === 'file' ? output.path : undefined);
  return file ? { path: file } : {};
}

function withoutUndefined(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Steps with the names that were left out: `step-1`, `branch-2`. */
export function named(steps: readonly StreamStep[], word: string): readonly StreamStep[] {
  return steps.map((step, index) => (step.name === '' ? { ...step, name: `${word}-${index + 1}` } : step));
}
