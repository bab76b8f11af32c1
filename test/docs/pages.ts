import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './reference.ts';

/** A page of the documentation, as it is in the repository. */
export interface Page {
  /** Relative to the repository. */
  readonly file: string;
  readonly text: string;
}

/** One fenced block of code. */
export interface Block {
  readonly file: string;
  /** Of its first line of code, from 1. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
  /** `<!-- fragment -->` stands before it. */
  readonly isFragment: boolean;
}

/** Both READMEs, CHANGELOG and everything below docs/. */
export function allPages(): readonly Page[] {
  const below = readdirSync(path.join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name));
  return ['README.md', 'README.ko.md', 'CHANGELOG.md', ...below.toSorted()].map((file) => ({
    file,
    text: readFileSync(path.join(ROOT, file), 'utf8'),
  }));
}

/** The fenced blocks of a page. */
export function blocksOf({ file, text }: Page): readonly Block[] {
  const fence = /(<!-- fragment -->\s*)?^```(\w*)\n([^]*?)^```$/gm;
  return [...text.matchAll(fence)].map((match) => ({
    file,
    line: text.slice(0, match.index + match[0].indexOf('```')).split('\n').length + 1,
    language: match[2] ?? '',
    text: match[3] ?? '',
    isFragment: match[1] !== undefined,
  }));
}

/** Anchors of a page's headings, as GitHub makes them. */
export function anchorsOf({ text }: Page): ReadonlySet<string> {
  const withoutCode = text.replaceAll(/^```[^]*?^```$/gm, '');
  const headings = [...withoutCode.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );
}
