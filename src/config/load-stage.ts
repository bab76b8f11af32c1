import type { z } from 'zod';
import type { PipelineDefinition, StageDefinition, StageStatus } from '../core/definition.ts';
import { amountsOf } from '../core/settings/resources.ts';
import { plainStage } from '../core/plain-stage.ts';
import type { StageKind } from '../core/stage-kind.ts';
import { describe, parseReporting, reportUnknown, rightKeys } from './issues.ts';
import { toJsonObject } from './plain-json.ts';
import type { Path } from './located.ts';
import { isOpenObject, keysAt } from './schema-keys.ts';
import { resolveKind } from './resolve-kind.ts';
import { COMMON_KEYS, type CommonStage, commonStageSchema, pipelineStageSchema } from './stage-schema.ts';
import type { YamlFile } from './yaml-file.ts';

/** What a stage is read with. */
export interface StageSetting {
  readonly file: YamlFile;
  readonly kinds: Readonly<Record<string, StageKind>>;
  readonly confirmationExpiresMs: number;
  /** Reads the pipeline that a stage of kind `pipeline` names; reports at `path` when it cannot. */
  readonly loadInner: (reference: string, path: Path) => Promise<PipelineDefinition | undefined>;
}

/** A stage as far as it could be read; `needs` is settled when all are known. */
export interface LoadedStage {
  readonly path: Path;
  /** As written, even where something else about it is wrong. */
  readonly name: string | undefined;
  readonly kind: StageKind | undefined;
  /** Those common keys that are right. */
  readonly common: RightKeys;
  /** Absent when anything was wrong. */
  readonly definition: Omit<StageDefinition, 'needs'> | undefined;
}

/** Reads one entry of `stages` or `finally`; reports everything that is wrong with it. */
export async function loadStage(setting: StageSetting, entry: unknown, path: Path): Promise<LoadedStage> {
  const { file } = setting;
  if (typeof entry !== 'object' || entry === null || Array.isArray(entry)) {
    const message = `expected a stage (a mapping with a name), found ${describe(entry)}`;
    file.report(path, { code: 'bad-value', message });
    return { path, name: undefined, kind: undefined, common: {}, definition: undefined };
  }
  const written = Object.entries(entry);
  const pick = (isCommon: boolean) =>
    Object.fromEntries(written.filter(([key]) => COMMON_KEYS.includes(key) === isCommon));
  const own = pick(false);
  const common = parseReporting(commonStageSchema, pick(true), { file, base: path });
  const kind = resolveKind(setting, { common: pick(true), own, path });
  const config = kind && (await loadConfig(setting, kind, own, path));
  const name: unknown = pick(true)['name'];
  return {
    path,
    name: typeof name === 'string' ? name : undefined,
    kind,
    common: common ?? rightKeys(looseSchema, pick(true)) ?? {},
    definition: common && kind && config && { ...settle(common, kind, setting, path), ...config },
  };
}

const looseSchema = commonStageSchema.partial();
type RightKeys = z.output<typeof looseSchema>;

type OwnPart = Pick<StageDefinition, 'config' | 'pipeline'>;

async function loadConfig(
  setting: StageSetting,
  kind: StageKind,
  own: Readonly<Record<string, unknown>>,
  path: Path,
): Promise<OwnPart | undefined> {
  if (kind.kind === 'pipeline') return loadPipelineStage(setting, own, path);
  const { file } = setting;
  const isShell = kind.kind === 'shell';
  if (isShell && 'command' in own && 'steps' in own) {
    const at = [...path, 'command'];
    file.report(at, { code: 'conflict', message: 'write command or steps, not both' }, { atKey: true });
    return undefined;
  }
  const isShort = isShell && 'command' in own;
  const { command, ...rest } = own;
  const input = isShort ? { ...rest, steps: [command] } : own;
  const rewrite = (issuePath: Path): Path =>
    isShort && issuePath[0] === 'steps' ? ['command', ...issuePath.slice(2)] : issuePath;
  const moreKeys = isShell ? [...COMMON_KEYS, 'command'] : COMMON_KEYS;
  const parsed: unknown = parseReporting(kind.schema, input, { file, base: path, rewrite, moreKeys });
  if (reportLooseKeys(file, kind, input, path) || parsed === undefined) return undefined;
  const config = toJsonObject(parsed);
  if (config) return { config };
  const message = `the stage kind "${kind.kind}" makes something of its keys that JSON cannot hold`;
  file.report(path, { code: 'kind', message, hint: 'Its schema must yield plain data.' });
  return undefined;
}

/** A schema that lets unknown keys through (`z.object`) must not hide a slip of the pen. */
function reportLooseKeys(file: YamlFile, kind: StageKind, input: object, path: Path): boolean {
  if (!isOpenObject(kind.schema)) return false;
  const known = keysAt(kind.schema, []);
  const unknown = Object.keys(input).filter((key) => !known.includes(key));
  for (const word of unknown) {
    reportUnknown(file, { path: [...path, word], word, known: [...known, ...COMMON_KEYS] });
  }
  return unknown.length > 0;
}

async function loadPipelineStage(
  setting: StageSetting,
  own: Readonly<Record<string, unknown>>,
  path: Path,
): Promise<OwnPart | undefined> {
  const { file } = setting;
  const parsed = parseReporting(pipelineStageSchema, own, { file, base: path, moreKeys: COMMON_KEYS });
  if (!parsed) return undefined;
  const pipeline = await setting.loadInner(parsed.pipeline, [...path, 'pipeline']);
  const config = toJsonObject({ params: parsed.params ?? {} });
  return pipeline && config ? { pipeline, config } : undefined;
}

function settle(
  common: CommonStage,
  kind: StageKind,
  setting: StageSetting,
  path: Path,
): Omit<StageDefinition, 'needs' | 'config' | 'pipeline'> {
  const { config: _, needs: _needs, ...plain } = plainStage(common.name, kind.kind);
  const interrupted = kind.effects === 'remote' ? 'ask' : plain.on_interrupt;
  return {
    ...plain,
    enabled: common.enabled ?? plain.enabled,
    ...(common.if !== undefined && { if: String(common.if) }),
    ...paceOf(common, plain),
    retry: retryOf(common, plain.retry),
    ...confirmationOf(common, kind, setting.confirmationExpiresMs),
    ...cacheOf(common),
    on_failure: common.on_failure ?? plain.on_failure,
    on_interrupt: common.on_interrupt ?? interrupted,
    ...placeOf(common, plain),
    rollback: common.rollback ?? plain.rollback,
    line: setting.file.lineOf(path),
  };
}

type Plain = Omit<StageDefinition, 'line' | 'needs' | 'config'>;

function paceOf(
  common: CommonStage,
  plain: Plain,
): Pick<StageDefinition, 'timeout_ms' | 'total_timeout_ms' | 'parallel' | 'max_workers'> {
  const parallel = common.parallel ?? plain.parallel;
  return {
    ...(common.timeout !== undefined && { timeout_ms: common.timeout }),
    ...(common.total_timeout !== undefined && { total_timeout_ms: common.total_timeout }),
    parallel,
    max_workers: common.max_workers ?? (parallel ? 4 : plain.max_workers),
  };
}

function placeOf(
  common: CommonStage,
  plain: Plain,
): Pick<StageDefinition, 'env' | 'secrets' | 'workdir' | 'context' | 'resources' | 'asks'> {
  const { memory, cpus } = common.resources ?? {};
  return {
    env: common.env ?? plain.env,
    secrets: common.secrets ?? plain.secrets,
    ...(common.workdir !== undefined && { workdir: common.workdir }),
    context: common.context ?? plain.context,
    ...(common.resources && {
      resources: {
        ...(memory !== undefined && { memory_bytes: memory }),
        ...(cpus !== undefined && { cpus }),
      },
      asks: amountsOf(common.resources),
    }),
  };
}

function retryOf(
  { retry, retry_count: count }: CommonStage,
  plain: StageDefinition['retry'],
): StageDefinition['retry'] {
  const written = typeof retry === 'object' ? retry : { max_attempts: retry ?? count };
  const { on } = written;
  return {
    max_attempts: written.max_attempts ?? plain.max_attempts,
    delay_ms: written.delay ?? plain.delay_ms,
    backoff: written.backoff ?? plain.backoff,
    max_delay_ms: written.max_delay ?? plain.max_delay_ms,
    jitter: written.jitter ?? plain.jitter,
    on: on === undefined ? plain.on : typeof on === 'string' ? [on] : on,
  };
}

function confirmationOf(
  { require_confirmation: written }: CommonStage,
  kind: StageKind,
  expiresMs: number,
): Pick<StageDefinition, 'confirmation'> {
  if (typeof written === 'string') return { confirmation: { message: written, expires_ms: expiresMs } };
  if (typeof written === 'object') {
    const { message, expires } = written;
    return { confirmation: { ...(message !== undefined && { message }), expires_ms: expires ?? expiresMs } };
  }
  return (written ?? kind.alwaysConfirms) ? { confirmation: { expires_ms: expiresMs } } : {};
}

function cacheOf({ cache }: CommonStage): Pick<StageDefinition, 'cache'> {
  if (!cache) return {};
  const key = typeof cache.key === 'string' ? [cache.key] : cache.key;
  return { cache: { key, ...(cache.ttl !== undefined && { ttl_ms: cache.ttl }) } };
}

/** Statuses that satisfy a need which names none. */
export const DEFAULT_ACCEPTED: readonly StageStatus[] = ['passed', 'warning'];

/** `needs` in its one form. Undefined: the stage above. */
export function needsOf(common: RightKeys): Readonly<Record<string, readonly StageStatus[]>> | undefined {
  const { needs } = common;
  if (needs === undefined) return undefined;
  if (typeof needs === 'string') return { [needs]: DEFAULT_ACCEPTED };
  if (Array.isArray(needs)) return Object.fromEntries(needs.map((name) => [name, DEFAULT_ACCEPTED]));
  return Object.fromEntries(
    Object.entries(needs).map(([name, written]) => {
      const statuses = typeof written === 'string' ? [written] : written;
      return [name, [...new Set(statuses.map((status) => (status === 'completed' ? 'passed' : status)))]];
    }),
  );
}
