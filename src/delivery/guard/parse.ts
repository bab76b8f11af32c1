import { LineCounter, parseAllDocuments } from 'yaml';
import type { Finding } from '../../core/staged.ts';
import { jsonErrorLine } from './json-error.ts';

/** Larger files are not parsed: a commit must not wait for it. Source: research/reliability.md section 4, row 4. */
const MAX_JSON = 8 * 1024 * 1024;
const MAX_YAML = 256 * 1024;
/** Files that are called .json and may have comments and trailing commas. */
const WITH_COMMENTS =
  /^(tsconfig|jsconfig|deno|\.?[\w-]*rc|settings|launch|tasks|extensions|devcontainer)(\..+)?\.json$/;
/** A file that something fills in before it is YAML. */
const TEMPLATE = /\{\{|\{%|<%/;

type Problem = Pick<Finding, 'severity' | 'line' | 'message'>;

/** Why a JSON or YAML file cannot be read; undefined for what can, and for other files. */
export function parseProblem(name: string, text: string): Problem | undefined {
  if (/\.json$/i.test(name) && text.length <= MAX_JSON)
    return jsonProblem(name, text.replace(/^\u{feff}/u, ''));
  if (/\.ya?ml$/i.test(name) && text.length <= MAX_YAML) return yamlProblem(text);
  return undefined;
}

function jsonProblem(name: string, text: string): Problem | undefined {
  if (isJson(text)) return undefined;
  if (WITH_COMMENTS.test(name) && isJson(withoutComments(text))) return undefined;
  return { severity: 'block', line: jsonErrorLine(text), message: 'is no JSON' };
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Comments become nothing, and so do commas before a closing bracket; strings stay. */
function withoutComments(text: string): string {
  const plain = text.replaceAll(
    /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[^]*?\*\//g,
    (_all, string: string | undefined) => string ?? '',
  );
  return plain.replaceAll(
    /("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g,
    (_all, string: string | undefined) => string ?? '',
  );
}

function yamlProblem(text: string): Problem | undefined {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, uniqueKeys: false, logLevel: 'silent' });
  const error = Array.isArray(documents) ? documents.flatMap(({ errors }) => errors)[0] : undefined;
  if (!error) return undefined;
  const { line } = lines.linePos(error.pos[0]);
  const place = line > 0 ? { line } : {};
  return TEMPLATE.test(text)
    ? { severity: 'warn', ...place, message: 'is no YAML as it stands; it looks like a template' }
    : { severity: 'block', ...place, message: 'is no YAML' };
}
