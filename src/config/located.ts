import type { Scalar } from 'yaml';

/** A value of a YAML file together with where it stands. Offsets are UTF-16 units from the start of the text. */
export interface Located {
  /** Plain data; mappings have no prototype. */
  readonly value: unknown;
  readonly offset: number;
  readonly children: ReadonlyMap<string, Child>;
  /** The node behind a scalar, for exact places inside its text. */
  readonly scalar?: Scalar;
  /** A block mapping or list begins below its key; then the key is the better place to point at. */
  readonly isBlock: boolean;
  /** Values in it with every alias written out. */
  readonly size: number;
}

export interface Child {
  /** Where its key stands; absent in a list. */
  readonly keyOffset?: number;
  readonly node: Located;
}

export type Path = readonly PropertyKey[];

/** The value at a path, or undefined. */
export function nodeAt(root: Located | undefined, path: Path): Located | undefined {
  let node = root;
  for (const key of path) node = node?.children.get(String(key))?.node;
  return node;
}

/** Where to point for the value at `path`; for a missing one, at the deepest parent that exists. */
export function offsetOf(root: Located | undefined, path: Path): number {
  let node = root;
  let offset = root?.offset ?? 0;
  for (const key of path) {
    const child = node?.children.get(String(key));
    if (!child) break;
    node = child.node;
    const pointsAtKey = node.isBlock || (node.value === null && node.scalar?.source === '');
    offset = pointsAtKey ? (child.keyOffset ?? node.offset) : node.offset;
  }
  return offset;
}

/** Where the key at the end of `path` stands; where there is none, as `offsetOf`. */
export function keyOffsetOf(root: Located | undefined, path: Path): number {
  const child = nodeAt(root, path.slice(0, -1))?.children.get(String(path.at(-1)));
  return child?.keyOffset ?? offsetOf(root, path);
}

/** Every scalar of a tree with its path, in the order of the file. Bounded by the tree's size. */
export function* scalarsOf(node: Located, path: Path = []): Generator<{ path: Path; node: Located }> {
  if (node.scalar) yield { path, node };
  for (const [key, child] of node.children) yield* scalarsOf(child.node, [...path, key]);
}
