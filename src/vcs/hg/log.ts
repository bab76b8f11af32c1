import { ok, type Result } from '../../core/failure.ts';
import type { Commit, LogQuery } from '../../core/vcs.ts';
import { records } from '../records.ts';
import { notACommit } from '../request.ts';
import { answered, type Tool, type ToolProblem } from '../run-tool.ts';
import { quoted } from './run-hg.ts';

const FIELDS = [
  '{node}',
  '{p1.node}',
  '{p2.node}',
  '{author|person}',
  '{author|email}',
  '{date|rfc3339date}',
  '{count(files)}',
  String.raw`{join(tags, "\t")}`,
  String.raw`{join(bookmarks, "\t")}`,
  '{desc}',
];
const TEMPLATE = FIELDS.map((field) => `${field}\\0`).join('');
const NULL_ID = /^0+$/;

/** Newest first. */
export async function hgLog(
  hg: Tool,
  query: LogQuery,
  signal?: AbortSignal,
): Promise<Result<readonly Commit[]>> {
  const revisions = `limit(${revsetOf(query)}, ${query.limit}, ${query.skip})`;
  const read = await hg(['log', `--template=${TEMPLATE}`, `--rev=${revisions}`], { signal });
  if (!read.ok) return unknownOr(read.failure, query.from ?? '.');
  return ok(commitsOf(records(read.value.stdout)));
}

function revsetOf({ from = '.', since, author, text, path }: LogQuery): string {
  const terms = [
    `reverse(ancestors(${quoted(from)}))`,
    ...(since === undefined ? [] : [`not ancestors(${quoted(since)})`]),
    ...(author === undefined ? [] : [`author(${quoted(`literal:${author}`)})`]),
    ...(text === undefined ? [] : [`desc(${quoted(`literal:${text}`)})`]),
    ...(path === undefined || path === '' ? [] : [`file(${quoted(`path:${path}`)})`]),
  ];
  return terms.join(' and ');
}

function commitsOf(parts: readonly string[]): readonly Commit[] {
  return Array.from({ length: Math.floor(parts.length / FIELDS.length) }, (_, index) =>
    commitOf(parts.slice(index * FIELDS.length, (index + 1) * FIELDS.length)),
  );
}

function commitOf(fields: readonly string[]): Commit {
  const at = (index: number): string => fields[index] ?? '';
  const [subject = '', ...body] = at(9).split('\n');
  const names = [...at(7).split('\t'), ...at(8).split('\t')];
  return {
    id: at(0),
    parents: [at(1), at(2)].filter((parent) => !NULL_ID.test(parent)),
    author: at(3),
    email: at(4).includes('@') ? at(4) : '',
    date: at(5),
    subject,
    body: body.join('\n').trim(),
    refs: names.filter((name) => name !== '' && name !== 'tip'),
    file_count: Number(at(6)),
  };
}

/** Full ids of a revset, oldest first. */
export async function hgIds(hg: Tool, revset: string, name: string): Promise<Result<readonly string[]>> {
  const read = await hg(['log', String.raw`--template={node}\n`, `--rev=sort(${revset}, rev)`]);
  if (!read.ok) return unknownOr(read.failure, name);
  return ok(
    read.value.stdout
      .toString('latin1')
      .split('\n')
      .filter((id) => id !== '' && !NULL_ID.test(id)),
  );
}

/** A name that hg does not know in our words; anything else as hg says it. */
export function unknownOr(problem: ToolProblem, name: string): Result<never> {
  const isUnknown = /(unknown revision|ambiguous identifier|00changelog|not found in manifest)/.test(
    problem.said,
  );
  return isUnknown ? notACommit(name) : answered({ ok: false, failure: problem });
}
