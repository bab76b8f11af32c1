import { type Figure, ratioFigure } from './figure.ts';
import { interleaved } from './measure.ts';
import { makeProject, nodeNothing, pipewright } from './project.ts';

const ONE = `name: it\nstages:\n  - name: only\n    steps: [{name: a, command: 'true'}]\n`;

/** What it costs to start at all. */
export async function startup(rounds: number): Promise<readonly Figure[]> {
  const cwd = makeProject(ONE);
  const subjects = [
    nodeNothing,
    pipewright('--version', cwd, ['--version']),
    pipewright('help', cwd, ['--help']),
    pipewright('plan', cwd, ['plan', 'it']),
    pipewright('run of one step', cwd, ['run', 'it']),
  ];
  const times = await interleaved(subjects, rounds);
  const against = nodeNothing.name;
  return [
    ratioFigure('--version: against node -e 0', times, { subject: '--version', against }, 1.5),
    ...['help', 'plan', 'run of one step'].map((subject) =>
      ratioFigure(`${subject}: against node -e 0`, times, { subject, against }),
    ),
  ];
}
