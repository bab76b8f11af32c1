import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ok, type Result } from '../../core/failure.ts';
import type { Framework } from '../../core/settings/testgen.ts';
import { readJunit } from '../../delivery/reports/junit.ts';
import { liveLines } from '../../delivery/reports/live-lines.ts';
import { tapReader } from '../../delivery/reports/tap.ts';
import { type ReportReader, type TestCase, TestResults } from '../../delivery/reports/test-results.ts';
import type { RunProgram } from '../../testgen/program.ts';
import { hasPackage, hasProgram, isOnPath } from '../test-suite/script.ts';
import { liveReporter } from '../test-suite/runners.ts';
import { type Covered, istanbulLines, pythonLines, v8Lines } from './covered-lines.ts';
import { UNITTEST_REPORT } from './unittest-report.ts';

/** One run of one test file in one tree, by the project's own runner. */
export interface TestRun {
  readonly root: string;
  /** Relative to it. */
  readonly test: string;
  /** The file under test, for coverage. */
  readonly source: string;
  readonly framework: Framework;
  /** For reports; emptied before. */
  readonly scratch: string;
  readonly timeoutMs: number;
  readonly withCoverage: boolean;
  readonly run: RunProgram;
}

export interface TestRunEnd {
  readonly cases: readonly TestCase[];
  readonly exit_code: number;
  readonly timed_out: boolean;
  readonly log: string;
  /** Absent where the runner cannot tell. */
  readonly covered?: Covered;
}

/** Why the framework cannot be run here; undefined when it can. */
export function missingRunner(framework: Framework, project: string): string | undefined {
  switch (framework) {
    case 'vitest':
    case 'jest':
    case 'mocha':
      return hasProgram(project, framework)
        ? undefined
        : `${framework} is not installed in this project: run npm ci`;
    case 'node':
      return undefined;
    case 'pytest':
    case 'unittest':
      return isOnPath('python3') ? undefined : 'python3 is not on PATH';
    case 'go':
      return isOnPath('go') ? undefined : 'go is not on PATH';
    default:
      return `tests of ${framework} cannot be run here`;
  }
}

interface Started {
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly read: (stdout: string) => readonly TestCase[];
  readonly covered?: () => Covered | undefined;
}

export async function runTests(wanted: TestRun): Promise<Result<TestRunEnd>> {
  const { scratch, root, run, timeoutMs } = wanted;
  mkdirSync(scratch, { recursive: true });
  rmSync(path.join(scratch, 'report'), { force: true });
  rmSync(path.join(scratch, 'coverage'), { recursive: true, force: true });
  const { args, env = {}, read, covered } = startOf(wanted);
  const ended = await run({ args, env, cwd: root, timeoutMs });
  if (!ended.ok) return ended;
  const { exit_code, timed_out, stdout, stderr } = ended.value;
  const lines = wanted.withCoverage ? covered?.() : undefined;
  return ok({
    cases: read(stdout),
    exit_code,
    timed_out,
    log: `${stdout}\n${stderr}`.trim(),
    ...(lines && { covered: lines }),
  });
}

function startOf(wanted: TestRun): Started {
  switch (wanted.framework) {
    case 'vitest':
    case 'jest':
    case 'mocha':
      return withReporter(wanted, wanted.framework);
    case 'pytest':
      return pytest(wanted);
    case 'unittest':
      return unittest(wanted);
    case 'go':
      return goTest(wanted);
    default:
      return nodeTest(wanted);
  }
}

/** Through NODE_V8_COVERAGE, which every process of Node writes. */
function byV8({ root, source, scratch, withCoverage }: TestRun): Pick<Started, 'env' | 'covered'> {
  const folder = path.join(scratch, 'coverage');
  if (!withCoverage) return {};
  return {
    env: { NODE_V8_COVERAGE: folder },
    covered: () => v8Lines(textsOf(folder), path.join(root, source)),
  };
}

function nodeTest(wanted: TestRun): Started {
  const report = path.join(wanted.scratch, 'report');
  const isTypeScript = /\.[cm]?tsx?$/.test(wanted.test);
  return {
    args: [
      // Types are stripped by every Node that we run on; the one on the PATH may be older.
      isTypeScript ? process.execPath : 'node',
      '--test',
      '--test-reporter=tap',
      `--test-reporter-destination=${report}`,
      '--test-reporter=spec',
      '--test-reporter-destination=stdout',
      wanted.test,
    ],
    ...byV8(wanted),
    read: () => casesOf(tapReader(), textOf(report)),
  };
}

function withReporter(wanted: TestRun, framework: 'vitest' | 'jest' | 'mocha'): Started {
  const { scratch, root, source, test, withCoverage } = wanted;
  const [report, folder] = [path.join(scratch, 'report'), path.join(scratch, 'coverage')];
  const read = (): readonly TestCase[] => casesOf(liveLines(), textOf(report));
  const env = { PIPEWRIGHT_LIVE: report };
  const istanbul = {
    covered: () => istanbulLines(textOf(path.join(folder, 'coverage-final.json')), path.join(root, source)),
  };
  if (framework === 'mocha') {
    const v8 = byV8(wanted);
    return { args: ['mocha', '--reporter', liveReporter, test], read, ...v8, env: { ...env, ...v8.env } };
  }
  if (framework === 'jest') {
    const more = [
      '--coverage',
      '--coverageReporters=json',
      `--coverageDirectory=${folder}`,
      `--collectCoverageFrom=${source}`,
    ];
    const args = ['jest', '--ci', '--reporters=default', `--reporters=${liveReporter}`];
    return {
      args: [...args, ...(withCoverage ? more : []), '--runTestsByPath', test],
      read,
      env,
      ...istanbul,
    };
  }
  const more = [
    '--coverage.enabled=true',
    '--coverage.reporter=json',
    `--coverage.reportsDirectory=${folder}`,
    `--coverage.include=${source}`,
  ];
  const canMeasure = withCoverage && hasPackage(root, '@vitest/coverage-v8');
  const args = ['vitest', 'run', '--reporter=default', `--reporter=${liveReporter}`];
  return { args: [...args, ...(canMeasure ? more : []), test], read, env, ...(canMeasure && istanbul) };
}

/** coverage.py where it is installed: then the run is measured, otherwise it is a plain one. */
function measured(wanted: TestRun, args: readonly string[]): Pick<Started, 'args' | 'covered'> {
  const { scratch, root, source, withCoverage } = wanted;
  if (!withCoverage) return { args: ['python3', ...args] };
  const data = path.join(scratch, 'coverage', 'coverage.json');
  const script = [
    'python3 -c "import coverage" 2>/dev/null || exec python3 "$@"',
    'out=$0; mkdir -p "${out%/*}"',
    'python3 -m coverage run --data-file="$out.data" "$@"; code=$?',
    'python3 -m coverage json --data-file="$out.data" -o "$out" -q >/dev/null 2>&1',
    'exit $code',
  ].join('\n');
  return {
    args: ['sh', '-c', script, data, ...args],
    covered: () => pythonLines(textOf(data), path.join(root, source), source),
  };
}

function pytest(wanted: TestRun): Started {
  const report = path.join(wanted.scratch, 'report');
  const args = ['-m', 'pytest', '-q', '-p', 'no:cacheprovider', `--junitxml=${report}`, '--', wanted.test];
  return { ...measured(wanted, args), read: () => readJunit(textOf(report)) ?? [] };
}

function unittest(wanted: TestRun): Started {
  const report = path.join(wanted.scratch, 'report');
  const program = path.join(wanted.scratch, 'unittest-report.py');
  writeFileSync(program, UNITTEST_REPORT);
  return {
    ...measured(wanted, [program, wanted.test, report]),
    env: { PYTHONPATH: wanted.root },
    read: () => casesOf(liveLines(), textOf(report)),
  };
}

/** One JSON event a line; the last word on a test is its result. Source: go doc test2json. */
function goTest({ test }: TestRun): Started {
  const folder = path.posix.dirname(test);
  return {
    args: ['go', 'test', '-json', '-count=1', folder === '.' ? '.' : `./${folder}`],
    env: { GOFLAGS: '-mod=mod' },
    read: (stdout) =>
      stdout.split('\n').flatMap((line) => {
        const match = /"Action":"(pass|fail|skip)".*?"Test":"([^"]+)"/.exec(line);
        const name = match?.[2];
        if (name === undefined) return [];
        const action = match?.[1];
        const status = action === 'pass' ? 'passed' : action === 'skip' ? 'skipped' : 'failed';
        return [{ id: name, name, status }];
      }),
  };
}

function casesOf(reader: ReportReader, text: string): readonly TestCase[] {
  const results = new TestResults();
  for (const test of [...text.split('\n').flatMap((line) => reader.line(line)), ...reader.end()])
    results.add(test);
  return results.cases;
}

function textOf(file: string): string {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}

function textsOf(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => textOf(path.join(folder, name)));
}
