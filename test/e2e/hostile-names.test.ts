import { expect, test } from 'vitest';
import { temporaryProject } from '../support/cli.ts';

const CLEAR = '\u001b[2J';
const TITLE = '\u001b]0;title\u0007';

/** What a terminal would act upon: every control character but tab and line feed, and what reorders letters. */
// eslint-disable-next-line no-control-regex -- control characters are what this looks for
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

const PIPELINE = String.raw`name: release
description: "wipes \e[2J and \u009b2J and turns \u202e"
params:
  who: { type: string, default: "red \e[31m\e]0;title\a \u009b2J" }
  kind: { type: choice, choices: ["a\e[2J", b], default: b }
stages:
  - name: say
    steps: ["printf 'a\\033]0;title\\007b\\033[2Jc\\302\\2332J\\n'"]
  - name: gone
    if: "params.who == 'x\e[2J'"
    steps: ["echo \e[2J"]
`;

test('no name out of files, arguments or output steers the terminal', async () => {
  using place = temporaryProject({
    'pipelines/release.yaml': PIPELINE,
    [`pipelines/na${CLEAR}me.yaml`]: PIPELINE,
    [`pipelines/broken${TITLE}.yaml`]: `name: "${TITLE}"\nstages: [{name: "x\\e[2J", "k\\e[2J": 1}`,
  });
  const lines = [
    ['validate'],
    ['plan', 'release'],
    ['plan', `no${CLEAR}`],
    ['run', 'release'],
    ['run', 'release', '--json'],
    ['run', 'release', '--help'],
    ['runs'],
    ['show', 'last'],
    ['show', 'last', '--json'],
    ['why', 'last'],
    ['logs', 'last'],
    ['rerun', 'last', `x${CLEAR}`],
    ['rollback', '--list', '--env', `x${CLEAR}`],
    ['context', 'test', `x${CLEAR}`],
    ['transfer', `local:./no${CLEAR}`, 'local:./x'],
    ['doctor'],
    [`x${CLEAR}`],
    ['help', `x${CLEAR}`, '--json'],
  ];
  for (const line of lines) {
    const { stdout, stderr } = await place.run(line);
    expect([line, stdout + stderr]).not.toEqual([line, '']);
    expect([line, STEERING.exec(stdout + stderr)]).toEqual([line, null]);
  }
  // Escapes in JSON are another spelling of the same value.
  expect(await place.json(['show', 'last'])).toMatchObject({
    params: { who: 'red \u001b[31m\u001b]0;title\u0007 \u009b2J' },
  });
});
