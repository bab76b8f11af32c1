import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type Node,
  type Pair,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import type { Child, Located } from './located.ts';

/** Deeper nesting is refused: no pipeline needs it, and every reader after us recurses. */
export const DEEPEST = 64;
/** Values, aliases written out. A file at its size limit without aliases stays below. */
const MOST_VALUES = 60_000;

/** Keys that would reach into the prototype of a careless reader's object. */
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

interface Problem {
  readonly code: string;
  readonly offset: number;
  readonly message: string;
  readonly hint?: string;
}

interface Build {
  readonly report: (problem: Problem) => void;
  /** Anchored values, shared by their aliases; undefined while still being built. */
  readonly anchors: Map<string, Located | undefined>;
  readonly anchorNodes: ReadonlyMap<string, readonly Node[]>;
  readonly lineOf: (offset: number) => number;
}

const NOTHING: Located = { value: null, offset: 0, children: new Map(), isBlock: false, size: 1 };

/** Thrown to stop at once: what follows could take for ever. */
class Refused extends Error {}

/**
 * Plain data with positions out of a parsed document. Reports duplicate, forbidden and non-text keys,
 * aliases that lead nowhere, into themselves or to too many values, and too deep nesting. Linear in the
 * file: an alias shares what its anchor built. `<<` merges mappings, as people expect of anchors.
 */
export function buildTree(
  contents: Node | null,
  lineOf: (offset: number) => number,
  report: (problem: Problem) => void,
): Located | undefined {
  const build: Build = { report, anchors: new Map(), anchorNodes: new Map(), lineOf };
  try {
    return contents ? visit(build, contents, 0) : NOTHING;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

function refuse(build: Build, problem: Problem): never {
  build.report(problem);
  throw new Refused();
}

function visit(build: Build, node: Node, depth: number): Located {
  if (depth > DEEPEST) {
    refuse(build, {
      code: 'too-deep',
      offset: startOf(node),
      message: `nested deeper than ${DEEPEST} levels`,
    });
  }
  if (isAlias(node)) return visitAlias(build, node);
  const anchor = 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : undefined;
  if (anchor !== undefined) build.anchors.set(anchor, undefined);
  const located = visitPlain(build, node, depth);
  if (anchor !== undefined) build.anchors.set(anchor, located);
  if (located.size > MOST_VALUES) {
    refuse(build, {
      code: 'too-large',
      offset: located.offset,
      message: `more than ${MOST_VALUES} values once its aliases are written out`,
    });
  }
  return located;
}

function visitPlain(build: Build, node: Node, depth: number): Located {
  if (isMap(node)) return visitMap(build, node, depth);
  if (isSeq(node)) {
    const children = node.items.map((item): [string, Child] => ['', { node: visitItem(build, item, depth) }]);
    const entries = children.map(([, child], index): [string, Child] => [String(index), child]);
    const value = children.map(([, child]) => child.node.value);
    return collection(node, value, new Map(entries));
  }
  return isScalar(node) ? visitScalar(node) : { ...NOTHING, offset: startOf(node) };
}

function visitScalar(node: Scalar): Located {
  const value = typeof node.value === 'bigint' ? Number(node.value) : node.value;
  return { value, offset: startOf(node), children: new Map(), scalar: node, isBlock: false, size: 1 };
}

/** A pair directly in a flow list (`[a: 1]`) counts as a mapping; the parser already makes it one. */
function visitItem(build: Build, item: unknown, depth: number): Located {
  return isNode(item) ? visit(build, item, depth + 1) : NOTHING;
}

function isNode(value: unknown): value is Node {
  return isAlias(value) || isMap(value) || isSeq(value) || isScalar(value);
}

function visitAlias(build: Build, node: Alias): Located {
  const { source } = node;
  const offset = startOf(node);
  if (!build.anchors.has(source)) {
    build.report({ code: 'alias', offset, message: `there is no anchor "&${source}" above this alias` });
    return { ...NOTHING, offset };
  }
  const target = build.anchors.get(source);
  if (target) return target;
  build.report({ code: 'alias', offset, message: `the alias "*${source}" stands inside its own anchor` });
  return { ...NOTHING, offset };
}

function visitMap(build: Build, node: YAMLMap, depth: number): Located {
  const children = new Map<string, Child>();
  const merged: Located[] = [];
  for (const pair of node.items) {
    const key = keyOf(build, pair);
    const value = isNode(pair.value) ? visit(build, pair.value, depth + 1) : undefined;
    if (key === undefined) continue;
    const nothing = { ...NOTHING, offset: key.offset };
    if (key.isMerge) merged.push(value ?? nothing);
    else addChild(build, children, key, value ?? nothing);
  }
  for (const source of merged) merge(build, children, source);
  const value: Record<string, unknown> = Object.create(null);
  for (const [key, child] of children) value[key] = child.node.value;
  return collection(node, value, children);
}

interface Key {
  readonly text: string;
  readonly offset: number;
  readonly isMerge: boolean;
}

function keyOf(build: Build, pair: Pair): Key | undefined {
  const { key } = pair;
  if (!isScalar(key)) {
    const offset = isNode(key) ? startOf(key) : 0;
    build.report({
      code: 'bad-key',
      offset,
      message: 'a key must be text, not an alias, a list or a mapping',
    });
    return undefined;
  }
  const offset = startOf(key);
  if (key.value === null || key.value === '') {
    build.report({ code: 'bad-key', offset, message: 'a key must not be empty' });
    return undefined;
  }
  const text = typeof key.value === 'string' ? key.value : (key.source ?? '');
  if (FORBIDDEN_KEYS.has(text)) {
    build.report({ code: 'forbidden-key', offset, message: `the key "${text}" is not allowed anywhere` });
    return undefined;
  }
  return { text, offset, isMerge: text === '<<' && key.type === 'PLAIN' };
}

function addChild(build: Build, children: Map<string, Child>, key: Key, node: Located): void {
  const first = children.get(key.text);
  if (!first) {
    children.set(key.text, { keyOffset: key.offset, node });
    return;
  }
  const line = build.lineOf(first.keyOffset ?? 0);
  build.report({
    code: 'duplicate-key',
    offset: key.offset,
    message: `duplicate key "${shorten(key.text)}", first on line ${line}`,
  });
}

/** Keys written out win over merged ones, earlier sources over later ones. */
function merge(build: Build, children: Map<string, Child>, source: Located): void {
  if (Array.isArray(source.value)) {
    for (const { node } of source.children.values()) merge(build, children, node);
    return;
  }
  if (typeof source.value !== 'object' || source.value === null) {
    build.report({
      code: 'bad-merge',
      offset: source.offset,
      message: '"<<" takes a mapping, or a list of mappings',
    });
    return;
  }
  for (const [key, child] of source.children) if (!children.has(key)) children.set(key, child);
}

function collection(
  node: Node & { readonly flow?: boolean },
  value: unknown,
  children: ReadonlyMap<string, Child>,
): Located {
  let size = 1;
  for (const child of children.values()) size += child.node.size;
  return { value, offset: startOf(node), children, isBlock: node.flow !== true, size };
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0;
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
