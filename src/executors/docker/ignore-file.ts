import path from 'node:path';
import { failed, ok, type Result } from '../../core/failure.ts';

/** Whether a path of the build context (relative, with `/`) stays out of the build. */
export interface IgnoreRules {
  readonly excludes: (file: string) => boolean;
  /** Below an excluded folder nothing can come back: it need not be read. */
  readonly canSkipFolder: (folder: string) => boolean;
}

interface Rule {
  readonly isException: boolean;
  readonly matches: (file: string) => boolean;
}

/**
 * Reads a .dockerignore file. The rules are Docker's own, which are not those of .gitignore: a pattern counts from
 * the top of the context, it matches what is below a folder too, and the last rule that matches decides.
 * `invalid` names a pattern that is none. Source: docs.docker.com/reference/dockerfile, `.dockerignore file`;
 * moby/patternmatcher, MatchesUsingParentResults.
 */
export function parseIgnoreFile(text: string): Result<IgnoreRules> {
  const rules: Rule[] = [];
  for (const line of text.replace(/^\uFEFF/, '').split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const rule = ruleOf(line.trim());
    if (rule === 'invalid') {
      return failed({ reason: 'invalid', message: `.dockerignore: \`${line}\` is not a pattern` });
    }
    if (rule) rules.push(rule);
  }
  const hasException = rules.some(({ isException }) => isException);
  const excludes = (file: string): boolean => {
    let excluded = false;
    let above: readonly boolean[] = [];
    for (const part of parentsOf(file)) {
      excluded = false;
      above = rules.map((rule, index) => {
        // What matched a folder matches all below it; a rule that could not change anything is not asked.
        const matches = above[index] === true || (rule.isException === excluded && rule.matches(part));
        if (matches) excluded = !rule.isException;
        return matches;
      });
    }
    return excluded;
  };
  return ok({ excludes, canSkipFolder: (folder) => !hasException && excludes(folder) });
}

/** `a`, `a/b` and `a/b/c` for the last. */
function parentsOf(file: string): readonly string[] {
  const parts = file.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function ruleOf(line: string): Rule | 'invalid' | undefined {
  const isException = line.startsWith('!');
  const written = (isException ? line.slice(1) : line).trim();
  if (written === '') return undefined;
  const pattern = path.posix.normalize(written).replace(/^\/+/, '').replace(/\/+$/, '');
  if (pattern === '' || pattern === '.') return undefined;
  const expression = expressionOf(pattern);
  if (!expression) return 'invalid';
  return { isException, matches: (file) => expression.test(file) };
}

/** `*` and `?` stay within a name, `**` crosses folders, `[a-z]` and `\` as in Go's filepath.Match. */
function expressionOf(pattern: string): RegExp | undefined {
  let source = '';
  let index = 0;
  while (index < pattern.length) {
    const rest = pattern.slice(index);
    const [token, regexp] = tokenOf(rest);
    source += regexp;
    index += token.length;
  }
  // `**x` at the very front means any beginning, as the engine reads it.
  const anchored = pattern.startsWith('**') && !/[*?[\\]/.test(pattern.slice(2)) ? suffixOf(pattern) : source;
  try {
    return new RegExp(`^${anchored}$`, 'su');
  } catch {
    return undefined;
  }
}

function suffixOf(pattern: string): string {
  const suffix = pattern.slice(2);
  if (suffix.startsWith('/')) return `(?:.*/)?${escaped(suffix.slice(1))}`;
  return `.*${escaped(suffix)}`;
}

function tokenOf(rest: string): readonly [string, string] {
  const doubled = /^\*\*\/?/.exec(rest)?.[0];
  if (doubled !== undefined) return [doubled, doubled.length === rest.length ? '.*' : '(?:.*/)?'];
  if (rest.startsWith('*')) return ['*', '[^/]*'];
  if (rest.startsWith('?')) return ['?', '[^/]'];
  const set = /^\[\^?[^\]]+\]/.exec(rest)?.[0];
  if (set !== undefined) return [set, set.replaceAll(/[&|~]/g, String.raw`\$&`)];
  if (rest.startsWith('\\') && rest.length > 1) return [rest.slice(0, 2), escaped(rest.charAt(1))];
  // An open bracket without an end stays one, and makes the expression invalid.
  if (rest.startsWith('[')) return ['[', '['];
  const character = String.fromCodePoint(rest.codePointAt(0) ?? 0);
  return [character, escaped(character)];
}

function escaped(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}
