import type { CommandTemplate } from '../core/definition.ts';

/** What a step can be beside a command, by its name in YAML. */
export const BUILT_IN_KINDS = [
  'tee',
  'checksum',
  'progress',
  'count',
  'file',
  'null',
  'gzip',
  'gunzip',
  'zstd',
  'unzstd',
] as const;
export type BuiltInKind = (typeof BUILT_IN_KINDS)[number];

export const CHECKSUM_ALGORITHMS = [
  'sha256',
  'sha512',
  'sha384',
  'sha224',
  'sha1',
  'md5',
  'blake2b',
  'crc32',
] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

/** Hex digits of each. */
export const CHECKSUM_DIGITS: Readonly<Record<ChecksumAlgorithm, number>> = {
  sha256: 64,
  sha512: 128,
  sha384: 96,
  sha224: 56,
  sha1: 40,
  md5: 32,
  blake2b: 128,
  crc32: 8,
};

/** A step of a stream stage, or a branch, as the schema leaves it; JSON-safe. */
export interface StreamStep {
  readonly name: string;
  readonly command?: CommandTemplate;
  readonly uses?: BuiltInKind;
  /** `pipe`, or the name of a stream. */
  readonly input?: string;
  readonly output?: StepOutput;
  readonly branches?: readonly StreamStep[];
  /** Only of a branch: its chain. */
  readonly steps?: readonly StreamStep[];
  readonly on_branch_failure?: 'stop' | 'continue';
  readonly buffer_bytes?: number;
  readonly algorithm?: ChecksumAlgorithm;
  readonly expect?: CommandTemplate;
  readonly size?: CommandTemplate;
  readonly size_command?: CommandTemplate;
  readonly level?: number;
  readonly path?: CommandTemplate;
  readonly verify?: boolean;
  readonly env?: Readonly<Record<string, CommandTemplate>>;
  /** Relative to the project. */
  readonly workdir?: string;
}

export type StepOutput =
  | { readonly to: 'stream'; readonly name?: string }
  | { readonly to: 'log' }
  | { readonly to: 'stderr' }
  | { readonly to: 'variable'; readonly name: string }
  | {
      readonly to: 'file';
      readonly path: CommandTemplate;
      /** With its `file:`, as it stands in YAML: the loader finds the names in it by that. */
      readonly written?: CommandTemplate;
    };
