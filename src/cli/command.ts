import type { QueueName } from '../core/queue/broker.ts';
import type { Selection } from '../core/events.ts';
import type { HookName } from '../core/staged.ts';

/** A command line, understood. What it names is not looked at yet. */
export type Command =
  | ({ readonly name: 'home' } & Common)
  | ({ readonly name: 'version' } & Common)
  | HelpCommand
  | RunCommand
  | PlanCommand
  | WatchCommand
  | ({ readonly name: 'why'; readonly run: string; readonly stage?: string } & Common)
  | RunsCommand
  | ShowCommand
  | LogsCommand
  | ({ readonly name: 'continue'; readonly run?: string; readonly yes: boolean } & Common)
  | RerunCommand
  | AnswerCommand
  | ({ readonly name: 'cancel'; readonly run: string } & Common)
  | ({ readonly name: 'unlock'; readonly pipeline?: string; readonly env?: string } & Common)
  | ({ readonly name: 'validate'; readonly files: readonly string[] } & Common)
  | ({ readonly name: 'schema'; readonly of: 'pipeline' | 'project' } & Common)
  | ({ readonly name: 'init'; readonly dryRun: boolean } & Common)
  | ({ readonly name: 'doctor'; readonly notify: boolean } & Common)
  | DemoCommand
  | RollbackCommand
  | ({ readonly name: 'audit'; readonly verb: 'verify'; readonly run: string } & Common)
  | HookCommand
  | ContextCommand
  | TransferCommand
  | ServeCommand
  | WorkerCommand
  | QueueCommand
  | ({ readonly name: 'completion'; readonly shell: Shell } & Common);

export interface ContextCommand extends Common {
  readonly name: 'context';
  readonly verb: 'list' | 'test';
  /** Default: all. */
  readonly context?: string;
  readonly env?: string;
}

export interface WorkerCommand extends Common {
  readonly name: 'worker';
  readonly queues: readonly QueueName[];
  readonly concurrency?: number;
  readonly maxConcurrency?: number;
  readonly isHere: boolean;
  /** Between two lines about how it is. */
  readonly everySeconds: number;
  /** How long a stop waits for what runs. */
  readonly graceSeconds: number;
}

export const QUEUE_VERBS = ['stats', 'failed', 'retry', 'drain'] as const;

export interface QueueCommand extends Common {
  readonly name: 'queue';
  readonly verb: (typeof QUEUE_VERBS)[number];
  /** Of `retry`. */
  readonly job?: string;
  readonly all: boolean;
  /** Of `failed`. */
  readonly limit: number;
  readonly queue?: QueueName;
  readonly yes: boolean;
}

export interface TransferCommand extends Common {
  readonly name: 'transfer';
  /** `context:path`, or a path here. */
  readonly from: string;
  readonly to: string;
  readonly env?: string;
}

export const LOG_FORMATS = ['text', 'json'] as const;

export interface ServeCommand extends Common {
  readonly name: 'serve';
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly logFormat: (typeof LOG_FORMATS)[number];
}

export interface HelpCommand extends Common {
  readonly name: 'help';
  readonly topic?: string;
  /** A pipeline whose parameters are told too. */
  readonly target?: string;
}

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];
export const LOG_LEVELS = ['error', 'warn', 'info', 'debug'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const OUTPUTS = ['tui', 'plain', 'json'] as const;

/** What every command takes. */
export interface Common {
  readonly project?: string;
  readonly state?: string;
  readonly output: (typeof OUTPUTS)[number];
  readonly logLevel: LogLevel;
  readonly strict: boolean;
  readonly noColor: boolean;
  /** `--json`, or `--output json`. */
  readonly json: boolean;
}

/** A parameter as typed: `--k=v`, `--k v`, `--k` or `--set k=v`. Checked against the pipeline later. */
export interface RawParameter {
  readonly name: string;
  /** Absent for `--k` alone. */
  readonly value?: string;
}

export interface PipelineRequest extends Common {
  readonly target: string;
  readonly parameters: readonly RawParameter[];
  readonly commits?: string;
  readonly env?: string;
  readonly context?: string;
  readonly selection: Selection;
}

export interface RunCommand extends PipelineRequest {
  readonly name: 'run';
  readonly yes: boolean;
}

export interface PlanCommand extends PipelineRequest {
  readonly name: 'plan';
}

/** `pipewright watch`: the request is that of each case, without the parameters that name it. */
export interface WatchCommand extends PipelineRequest {
  readonly name: 'watch';
  /** Instead of the one in pipewright.yaml. */
  readonly folder?: string;
  readonly maxParallel?: number;
  readonly once: boolean;
  /** Only show the cases. */
  readonly list: boolean;
  readonly yes: boolean;
}

export interface RollbackCommand extends Common {
  readonly name: 'rollback';
  /** Empty: those that were deployed together last. */
  readonly services: readonly string[];
  readonly env?: string;
  /** A run, or the beginning of its id. */
  readonly to?: string;
  /** Only show what there is to go back to. */
  readonly list: boolean;
  readonly yes: boolean;
}

export interface DemoCommand extends Common {
  readonly name: 'demo';
  readonly isBroken: boolean;
  readonly keep: boolean;
  /** Only end what an earlier one left. */
  readonly end: boolean;
  readonly dir?: string;
}

export interface RunsCommand extends Common {
  readonly name: 'runs';
  readonly stats: boolean;
  /** 0: all. */
  readonly limit: number;
  readonly statuses: readonly string[];
  readonly pipeline?: string;
}

/** Forms of a run for others, beside `--json`. */
export const REPORT_FORMS = ['junit', 'html'] as const;
export type ReportForm = (typeof REPORT_FORMS)[number];

export interface ShowCommand extends Common {
  readonly name: 'show';
  readonly run: string;
  readonly form?: ReportForm;
}

export interface LogsCommand extends Common {
  readonly name: 'logs';
  readonly run: string;
  readonly stage?: string;
  readonly follow: boolean;
  readonly lines?: number;
}

export interface RerunCommand extends Common {
  readonly name: 'rerun';
  readonly run: string;
  readonly stages: readonly string[];
  readonly downstream: boolean;
  readonly failed: boolean;
  /** Stages that are waived. */
  readonly skip: readonly string[];
  /** Nothing runs again: what ran is undone. */
  readonly rollback: boolean;
  readonly planOnly: boolean;
  readonly yes: boolean;
}

export interface AnswerCommand extends Common {
  readonly name: 'approve' | 'reject';
  readonly run: string;
  readonly stage: string;
  readonly comment?: string;
}

export type HookCommand = Common & { readonly name: 'hook' } & (
    | { readonly verb: 'install'; readonly hooks: readonly HookName[] }
    | { readonly verb: 'uninstall' }
    | { readonly verb: 'run'; readonly hook: HookName }
  );
