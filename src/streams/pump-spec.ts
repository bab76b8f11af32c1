import type { StreamRecord } from '../core/stream-report.ts';

/**
 * What the pump is told: one graph of a stream stage, values bound. JSON, a file of mode 0600.
 * Each node has one input at most, so the graph is a forest; only a tee has more than one reader.
 */
export interface PumpSpec {
  readonly stage: string;
  readonly pipeline: string;
  readonly operation_id: string;
  /** Of the graphs of the same stage that ended before this one. */
  readonly before: readonly StreamRecord[];
  /** Absolute paths. */
  readonly files: { readonly result: string; readonly streams: string; readonly progress: string };
  /** In the order of the file; `id` is the position. */
  readonly nodes: readonly PumpNode[];
}

export interface PumpNode {
  readonly id: number;
  /** `process/compress-save/save`. */
  readonly name: string;
  /** As its author wrote it, for display. */
  readonly text: string;
  /** The node whose bytes it reads. */
  readonly from?: number;
  /** Name as a branch of the tee `from`. */
  readonly branch?: string;
  readonly work: Work;
  readonly output: Output;
  /** Where its command runs and its relative paths begin, absolute. */
  readonly folder: string;
}

export interface BoundScript {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

export type Work =
  | ({ readonly kind: 'command' } & BoundScript)
  | { readonly kind: 'tee'; readonly on_branch_failure: 'stop' | 'continue'; readonly buffer_bytes: number }
  | { readonly kind: 'checksum'; readonly algorithm: string; readonly expect?: string }
  | { readonly kind: 'progress'; readonly size?: number; readonly size_command?: BoundScript }
  | { readonly kind: 'count' }
  | { readonly kind: 'null' }
  | { readonly kind: 'file'; readonly path: string; readonly verify: boolean }
  | { readonly kind: CodecKind; readonly level?: number };

export type CodecKind = 'gzip' | 'gunzip' | 'zstd' | 'unzstd';

export type Output =
  | { readonly to: 'stream' }
  | { readonly to: 'log' }
  | { readonly to: 'stderr' }
  | { readonly to: 'variable'; readonly name: string }
  | { readonly to: 'file'; readonly path: string };

/** What the pump leaves behind, beside its exit code. */
export interface PumpResult {
  readonly streams: readonly StreamRecord[];
  readonly variables: Readonly<Record<string, string>>;
  /** Branches that failed where their tee says `continue`, size commands that failed. */
  readonly warnings: readonly string[];
  /** Of the pump itself, without its commands: processor time in milliseconds, memory at its peak in bytes. */
  readonly usage: { readonly cpu_ms: number; readonly peak_memory_bytes: number };
  readonly failure?: PumpFailure;
}

export interface PumpFailure {
  /** Name of the node. */
  readonly node: string;
  readonly kind: 'exit' | 'signal' | 'file' | 'checksum' | 'data' | 'limit' | 'start' | 'cancelled';
  /** One sentence, without the node's name. */
  readonly message: string;
  readonly exit_code?: number;
  readonly signal?: string;
  readonly tail?: readonly string[];
}
