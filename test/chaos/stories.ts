import type { RunStatus } from '../../src/core/definition.ts';
import type { RunState } from '../../src/core/run-state.ts';

/** A run that has to reach one end whatever happens to the processes that drive it. */
export interface Story {
  readonly name: string;
  readonly pipelines: Readonly<Record<string, string>>;
  readonly status: RunStatus;
  /** Every line that the steps write, each exactly once. */
  readonly world: readonly string[];
  /** The next command, from what the journal says; undefined at the end. */
  readonly next: (run: RunState | undefined) => readonly string[] | undefined;
}

const JSON_LINES = ['--output', 'json'];

/** Writes one line and takes a moment, so that a kill can hit it. */
function step(line: string, sleep = 0.02): string {
  return `{name: ${line.split('.')[1] ?? line}, command: 'echo "${line}@$PIPEWRIGHT_ATTEMPT" >> world; sleep ${sleep}'}`;
}

const CHAOS = `name: chaos
description: Side by side, a retry, a confirmation, a pipeline in a pipeline, and an end that always runs.
max_workers: 4
stages:
  - name: first
    steps:
      - ${step('first.a')}
      - ${step('first.b')}
      - ${step('first.c', 0)}
  - name: left
    needs: [first]
    parallel: true
    max_workers: 2
    steps:
      - ${step('left.a')}
      - ${step('left.b', 0.05)}
      - ${step('left.c', 0)}
  - name: right
    needs: [first]
    retry: {max_attempts: 3, delay: 20ms, jitter: 0}
    steps:
      - {name: flaky, command: 'echo "right.flaky@$PIPEWRIGHT_ATTEMPT" >> world; test "$PIPEWRIGHT_ATTEMPT" -ge 2'}
      - {name: said, command: 'echo "right.said@$PIPEWRIGHT_ATTEMPT" >> world; echo word', output: 'variable:word'}
  - name: confirmed
    needs: [left, right]
    require_confirmation: true
    steps:
      - ${step('confirmed.a')}
  - name: never
    if: 'false'
    needs: [confirmed]
    steps: [{name: a, command: 'echo never >> world'}]
  - name: nested
    needs: [confirmed]
    pipeline: inner
finally:
  - name: tidy
    steps:
      - ${step('tidy.a')}
`;

const INNER = `name: inner
stages:
  - name: one
    steps:
      - ${step('one.a')}
  - name: two
    steps:
      - {name: a, command: 'test -n "$PIPEWRIGHT_RUN" && echo "two.a@$PIPEWRIGHT_ATTEMPT" >> world; echo {{.none}}', env: {}}
params:
  none: {type: string, default: x}
`;

const CHAOS_WORLD = [
  'first.a@1',
  'first.b@1',
  'first.c@1',
  'left.a@1',
  'left.b@1',
  'left.c@1',
  'right.flaky@1',
  'right.flaky@2',
  'right.said@2',
  'confirmed.a@1',
  'one.a@1',
  'two.a@1',
  'tidy.a@1',
];

/** Anything but an end: the process that drove it is gone. */
function isOpen(run: RunState): boolean {
  return run.status === 'running' || run.status === 'interrupted';
}

/** Parallel stages and steps, a retry, a confirmation by `-y`, a nested pipeline, `finally`. */
export const chaosStory: Story = {
  name: 'chaos',
  pipelines: { 'chaos.yaml': CHAOS, 'inner.yaml': INNER },
  status: 'success',
  world: CHAOS_WORLD,
  next: (run) => {
    if (!run) return ['run', 'chaos', '-y', ...JSON_LINES];
    return isOpen(run) || run.status === 'waiting'
      ? ['continue', run.run_id, '-y', ...JSON_LINES]
      : undefined;
  },
};

const UNDO = `name: undo
stages:
  - name: one
    steps: [${step('one.do')}]
    rollback: [${step('one.undo')}]
  - name: two
    steps: [${step('two.do')}]
    rollback: [${step('two.undo')}, ${step('two.undone', 0)}]
  - name: breaks
    on_failure: rollback
    steps: [{name: a, command: 'echo "breaks.a@$PIPEWRIGHT_ATTEMPT" >> world; exit 3'}]
finally:
  - name: tidy
    steps: [${step('tidy.a', 0)}]
`;

/** Ends in a rollback, in reverse order. */
export const undoStory: Story = {
  name: 'undo',
  pipelines: { 'undo.yaml': UNDO },
  status: 'rolled_back',
  world: ['one.do@1', 'two.do@1', 'breaks.a@1', 'two.undo@1', 'two.undone@1', 'one.undo@1', 'tidy.a@1'],
  next: (run) => {
    if (!run) return ['run', 'undo', '-y', ...JSON_LINES];
    return isOpen(run) ? ['continue', run.run_id, '-y', ...JSON_LINES] : undefined;
  },
};

const GATED = `name: gated
stages:
  - name: before
    steps: [${step('before.a')}]
  - name: gate
    require_confirmation: true
    steps: [${step('gate.a')}]
`;

function isAnswered(run: RunState): boolean {
  return run.stages['gate']?.confirmation?.answered !== undefined;
}

/** Waits for a person, who answers from another process. */
export const gatedStory: Story = {
  name: 'gated',
  pipelines: { 'gated.yaml': GATED },
  status: 'success',
  world: ['before.a@1', 'gate.a@1'],
  next: (run) => {
    if (!run) return ['run', 'gated', ...JSON_LINES];
    if (run.status === 'waiting' && !isAnswered(run)) return ['approve', run.run_id, 'gate'];
    return isOpen(run) || run.status === 'waiting' ? ['continue', run.run_id, ...JSON_LINES] : undefined;
  },
};

/** Waits, and is cancelled from another process. */
export const cancelStory: Story = {
  name: 'cancel',
  pipelines: { 'gated.yaml': GATED },
  status: 'cancelled',
  world: ['before.a@1'],
  next: (run) => {
    if (!run) return ['run', 'gated', ...JSON_LINES];
    if (run.status === 'waiting') return ['cancel', run.run_id];
    return isOpen(run) ? ['continue', run.run_id, ...JSON_LINES] : undefined;
  },
};

const AGAIN = `name: again
stages:
  - name: once
    steps: [${step('once.a')}]
  - name: again
    steps: [${step('again.a')}, ${step('again.b', 0)}]
`;

/** A stage of a finished run is chosen again. */
export const rerunStory: Story = {
  name: 'rerun',
  pipelines: { 'again.yaml': AGAIN },
  status: 'success',
  world: ['once.a@1', 'again.a@1', 'again.b@1', 'again.a@2', 'again.b@2'],
  next: (run) => {
    if (!run) return ['run', 'again', ...JSON_LINES];
    if (isOpen(run)) return ['continue', run.run_id, ...JSON_LINES];
    return run.stages['again']?.attempt === 1 ? ['rerun', run.run_id, 'again', ...JSON_LINES] : undefined;
  },
};

const DAEMON = `name: daemon
stages:
  - name: leaves
    steps:
      - {name: a, command: 'setsid sleep 300 >/dev/null 2>&1 & echo "leaves.a@$PIPEWRIGHT_ATTEMPT" >> world'}
      - ${step('leaves.b')}
`;

/** A step leaves a daemon behind that the end of the run has to stop. */
export const daemonStory: Story = {
  name: 'daemon',
  pipelines: { 'daemon.yaml': DAEMON },
  status: 'success',
  world: ['leaves.a@1', 'leaves.b@1'],
  next: (run) => {
    if (!run) return ['run', 'daemon', ...JSON_LINES];
    return isOpen(run) ? ['continue', run.run_id, ...JSON_LINES] : undefined;
  },
};

/** Kills the process that started it, the first time only. */
function suicide(mark: string): string {
  return `if mkdir killed.${mark} 2>/dev/null; then kill -9 $(cat cli.pid); fi`;
}

const SPAWN = `name: spawn
stages:
  - name: begin
    steps: [{name: a, command: '${suicide('begin')}; echo "begin.a@$PIPEWRIGHT_ATTEMPT" >> world'}]
  - name: middle
    steps: [{name: a, command: 'echo "middle.a@$PIPEWRIGHT_ATTEMPT" >> world; ${suicide('middle')}; sleep 0.3'}]
  - name: end
    retry: {max_attempts: 2, delay: 10ms}
    steps: [{name: a, command: 'echo "end.a@$PIPEWRIGHT_ATTEMPT" >> world; ${suicide('end')}; test $PIPEWRIGHT_ATTEMPT = 2'}]
  - name: captured
    steps:
      - {name: a, command: 'echo one; ${suicide('captured')}; echo two; echo "captured.a@$PIPEWRIGHT_ATTEMPT" >> world', output: 'variable:said'}
      - {name: b, command: 'echo "captured.b {{.said}}" | tr "\\n" - >> world; echo >> world'}
`;

/** Each step kills Pipewright at another point of its own life: first, middle and last thing it does. */
export const spawnStory: Story = {
  name: 'spawn',
  pipelines: { 'spawn.yaml': SPAWN },
  status: 'success',
  world: ['begin.a@1', 'middle.a@1', 'end.a@1', 'end.a@2', 'captured.a@1', 'captured.b one-two-'],
  next: (run) => {
    if (!run) return ['run', 'spawn', ...JSON_LINES];
    return isOpen(run) ? ['continue', run.run_id, ...JSON_LINES] : undefined;
  },
};

/** The stories of the crash matrix; together they make every type of event but `interruption.answered`. */
export const STORIES: readonly Story[] = [
  chaosStory,
  undoStory,
  gatedStory,
  cancelStory,
  rerunStory,
  daemonStory,
];
