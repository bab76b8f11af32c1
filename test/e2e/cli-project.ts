import { temporaryProject, type TemporaryProject } from '../support/cli.ts';

const RELEASE = `name: release
description: A release with everything.
params:
  who: {type: string, default: world}
  fast: {type: bool, default: false}
stages:
  - name: unit
    uses: shell
    steps:
      - {name: test, command: "echo testing {{.who}}"}
  - name: deploy
    uses: shell
    require_confirmation: true
    steps:
      - {name: push, command: echo deployed}
  - name: notify
    uses: shell
    if: "params.fast"
    steps:
      - {name: say, command: echo done}
`;

const FLAKY = `name: flaky
stages:
  - name: first
    uses: shell
    steps:
      - {name: note, command: echo first >> trace}
  - name: second
    uses: shell
    steps:
      - {name: check, command: "echo second >> trace; echo last words; test -e repaired"}
  - name: third
    uses: shell
    steps:
      - {name: note, command: echo third >> trace}
`;

/** Runs for a minute, unless there is a file `quick`. */
export const SLOW = `name: slow
stages:
  - name: long
    uses: shell
    on_interrupt: retry
    steps:
      - {name: sleep, command: "echo begun; test -e quick || exec sleep 60"}
  - name: after
    uses: shell
    steps:
      - {name: note, command: echo after}
`;

const WARNED = `name: warned
stages:
  - name: soft
    uses: shell
    on_failure: continue
    steps:
      - {name: fail, command: "false"}
`;

const UNDONE = `name: undone
stages:
  - name: put
    uses: shell
    on_failure: rollback
    steps:
      - {name: put, command: touch there}
    rollback:
      - {name: remove, command: rm there}
  - name: check
    uses: shell
    on_failure: rollback
    steps:
      - {name: fail, command: "false"}
`;

/** One project with a pipeline for each way a run can end. */
export function exampleProject(): TemporaryProject {
  return temporaryProject({
    'pipelines/release.yaml': RELEASE,
    'pipelines/flaky.yaml': FLAKY,
    'pipelines/slow.yaml': SLOW,
    'pipelines/warned.yaml': WARNED,
    'pipelines/undone.yaml': UNDONE,
  });
}
