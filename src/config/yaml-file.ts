import { Composer, type Document, Lexer, LineCounter, Parser, YAMLParseError } from 'yaml';
import type { Diagnostic } from './diagnostic.ts';
import { keyOffsetOf, type Located, nodeAt, offsetOf, type Path } from './located.ts';
import { offsetInScalar } from './scalar-offset.ts';
import type { SourceText } from './source-text.ts';
import { firstRefusal, type Refusal, TokenLimits } from './token-limits.ts';
import { buildTree, DEEPEST } from './yaml-tree.ts';

/** More than anybody repairs at once; without a limit a hostile file could make one per character. */
const MOST_PROBLEMS = 500;
/** Longer lines are not carried along with each problem on them. */
const LONGEST_LINE = 10_000;
/** More than this and the file is something else than YAML. */
const MOST_SYNTAX_ERRORS = 20;

/** A longer text has so many tokens that the parser could take seconds to come to the one that is refused, UTF-16 units. */
const LOOKED_AT_FIRST = 20_000;

/** What `report` adds to a message. */
export interface Place {
  /** The key itself instead of its value. */
  readonly atKey?: boolean;
  /** UTF-16 units into the text of the scalar at the path. */
  readonly inside?: number;
}

interface Notice {
  readonly code: string;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly severity?: 'error' | 'warning';
  /** The source line must not be repeated: it holds a secret. */
  readonly sensitive?: boolean;
}

/** A YAML file that was read: its data with positions, and the problems found in it so far. */
export class YamlFile {
  readonly source: SourceText;
  /** Undefined when the text is no YAML at all; then `diagnostics` says why. */
  readonly root: Located | undefined;
  readonly #lines = new LineCounter();
  readonly #found: Diagnostic[] = [];
  /** Stands for all that came after the limit. */
  #rest: Diagnostic | undefined;
  /** Where an alias leads nowhere: that its value is missing too is not told again. */
  readonly #brokenAliases = new Set<number>();
  readonly #sensitiveLines = new Set<number>();

  constructor(source: SourceText) {
    this.source = source;
    this.root = this.#parse();
  }

  get diagnostics(): readonly Diagnostic[] {
    return this.#all.map((diagnostic) => {
      const { source_line: _, ...bare } = diagnostic;
      return this.#sensitiveLines.has(diagnostic.line) ? bare : diagnostic;
    });
  }

  get #all(): readonly Diagnostic[] {
    return this.#rest ? [...this.#found, this.#rest] : this.#found;
  }

  get hasErrors(): boolean {
    return this.#all.some(({ severity }) => severity === 'error');
  }

  /** Line, from 1, of the value at a path. */
  lineOf(path: Path): number {
    return this.#position(offsetOf(this.root, path)).line;
  }

  /** Adds a problem with the value (or the key) at a path. */
  report(path: Path, notice: Notice, place: Place = {}): void {
    if (this.#rest && notice.severity === 'warning') return;
    if (this.#rest?.severity === 'error') return;
    this.#reportAt(this.#offset(path, place), notice);
  }

  #offset(path: Path, { atKey, inside }: Place): number {
    if (atKey) return keyOffsetOf(this.root, path);
    const scalar = inside === undefined ? undefined : nodeAt(this.root, path)?.scalar;
    if (scalar && inside !== undefined) return offsetInScalar(this.source.text, scalar, inside);
    return offsetOf(this.root, path);
  }

  #reportAt(offset: number, { code, message, hint, severity = 'error', sensitive }: Notice): void {
    if (this.#brokenAliases.has(offset)) return;
    if (code === 'alias') this.#brokenAliases.add(offset);
    const { line, column } = this.#position(offset);
    if (sensitive) this.#sensitiveLines.add(line);
    const place = {
      severity,
      file: this.source.file,
      line,
      column,
      ...this.#sourceLine(offset - column + 1),
    };
    if (this.#found.length >= MOST_PROBLEMS) {
      this.#rest = {
        ...place,
        code: 'too-many',
        message: `more than ${MOST_PROBLEMS} problems; the rest is not shown`,
      };
    } else this.#found.push({ ...place, code, message, ...(hint !== undefined && { hint }) });
  }

  #sourceLine(start: number): { readonly source_line?: string } {
    const { text } = this.source;
    const newline = text.indexOf('\n', start);
    const end = newline === -1 ? text.length : newline;
    return end - start > LONGEST_LINE ? {} : { source_line: text.slice(start, end).replace(/\r$/, '') };
  }

  #position(offset: number): { readonly line: number; readonly column: number } {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }

  #parse(): Located | undefined {
    const { text } = this.source;
    const { document, refusal } = this.#compose(text);
    if (refusal || !document) {
      this.#lines.lineStarts.length = 0;
      this.#lines.addNewLine(0);
      for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1))
        this.#lines.addNewLine(at + 1);
      if (refusal) this.#reportAt(refusal.offset, refusal);
      return undefined;
    }
    if (this.#lines.lineStarts.length === 0) this.#lines.addNewLine(0);
    const problems = [...document.errors, ...document.warnings].toSorted((a, b) => a.pos[0] - b.pos[0]);
    this.#reportSyntax(text, problems.slice(0, MOST_SYNTAX_ERRORS));
    if (problems.length > 0) return undefined;
    return buildTree(
      document.contents,
      (offset) => this.#position(offset).line,
      ({ offset, ...notice }) => {
        this.#reportAt(offset, notice);
      },
    );
  }

  /** As yaml's `parseDocument`, and each token passes the limits on its way from the lexer to the parser. */
  #compose(text: string): { readonly document?: Document.Parsed; readonly refusal?: Refusal } {
    const early = text.length > LOOKED_AT_FIRST ? firstRefusal(text) : undefined;
    if (early) return { refusal: early };
    const limits = new TokenLimits();
    const parser = new Parser(this.#lines.addNewLine);
    const composer = new Composer({
      lineCounter: this.#lines,
      prettyErrors: false,
      uniqueKeys: false,
      version: '1.2',
      stringKeys: false,
    });
    const documents: Document.Parsed[] = [];
    this.#lines.addNewLine(0);
    for (const token of new Lexer().lex(text)) {
      const refusal = limits.refuse(token);
      if (refusal) return { refusal };
      for (const part of parser.next(token)) documents.push(...composer.next(part));
      if (documents.length > 1) break;
    }
    if (documents.length <= 1) {
      for (const part of parser.end()) documents.push(...composer.next(part));
      documents.push(...composer.end(true, text.length));
    }
    const [document, second] = documents;
    if (!document) return {};
    if (second) {
      const [start, , end] = second.range;
      document.errors.push(new YAMLParseError([start, end], 'MULTIPLE_DOCS', 'a second document'));
    }
    return { document };
  }

  /** A template without quotes makes several errors that say nothing: one that helps stands for them. */
  #reportSyntax(
    text: string,
    problems: readonly {
      readonly code: string;
      readonly message: string;
      readonly pos: readonly [number, number];
    }[],
  ): void {
    const explained = new Set<number>();
    let isDerailed = false;
    for (const { code, message, pos } of problems) {
      // Once the parser has lost its way, every word that follows is unexpected to it.
      if (isDerailed && code === 'UNEXPECTED_TOKEN') continue;
      isDerailed ||= code === 'UNEXPECTED_TOKEN';
      const start = text.lastIndexOf('\n', pos[0] - 1) + 1;
      const end = text.indexOf('\n', pos[0]);
      const template = bareTemplate(text.slice(start, end === -1 ? undefined : end));
      if (template === undefined) {
        this.#reportAt(pos[0], { code: 'yaml', ...explainSyntax(code, message) });
      } else if (!explained.has(start)) {
        explained.add(start);
        isDerailed = true;
        this.#reportAt(start + template, {
          code: 'yaml',
          message: 'a template here is read as YAML, not as text',
          hint: 'Put the whole value that contains {{…}} in quotes.',
        });
      }
    }
  }
}

/** The first `{{` of a line that is not inside quotes: to YAML it begins a mapping in a mapping. */
function bareTemplate(line: string): number | undefined {
  const at = line
    .replaceAll(/"(?:[^"\\\\]|\\\\.)*"|'(?:[^']|'')*'/g, (quoted) => ' '.repeat(quoted.length))
    .indexOf('{{');
  return at === -1 ? undefined : at;
}

function explainSyntax(code: string, message: string): { readonly message: string; readonly hint?: string } {
  const [first = ''] = message.split('\n', 1);
  switch (code) {
    case 'MULTIPLE_DOCS':
      return { message: 'a second YAML document begins here; a file holds one' };
    case 'TAB_AS_INDENT':
      return { message: 'a tab cannot indent YAML', hint: 'Use spaces.' };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        message: 'a second ": " on one line',
        hint: 'Put the whole text in quotes, or begin a new line.',
      };
    case 'MISSING_CHAR':
      return {
        message: first.startsWith('Missing closing') ? 'a quote that was opened is never closed' : first,
      };
    case 'BAD_INDENT':
      return {
        message: first.startsWith('Flow') ? 'a "[" or "{" above is not closed before this line' : first,
      };
    case 'RESOURCE_EXHAUSTION':
      return { message: `nested deeper than ${DEEPEST} levels` };
    default:
      return { message: first.length > 200 ? `${first.slice(0, 200)}…` : first };
  }
}
