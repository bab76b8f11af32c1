import type { ASTNode } from '@marcbachmann/cel-js';

const LOOPS = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** Names that an expression takes from outside: not the variables of its own loops. In order, once each. */
export function freeNames(ast: ASTNode): readonly string[] {
  const found = new Set<string>();
  visit(ast, new Set(), (name) => found.add(name));
  return [...found];
}

function visit(node: ASTNode, bound: ReadonlySet<string>, note: (name: string) => void): void {
  if (node.op === 'id') {
    if (!bound.has(node.args)) note(node.args);
    return;
  }
  const loop = boundBy(node);
  if (!loop) {
    for (const child of childrenOf(node)) visit(child, bound, note);
    return;
  }
  for (const child of loop.outside) visit(child, bound, note);
  for (const child of loop.inside) visit(child, new Set([...bound, loop.name]), note);
}

/** `list.all(name, inside)` and `cel.bind(name, outside, inside)`. */
function boundBy(
  node: ASTNode,
):
  | { readonly name: string; readonly outside: readonly ASTNode[]; readonly inside: readonly ASTNode[] }
  | undefined {
  if (node.op !== 'rcall') return undefined;
  const [method, receiver, [variable, ...rest]] = node.args;
  if (variable?.op !== 'id') return undefined;
  if (LOOPS.has(method) && rest.length > 0) return { name: variable.args, outside: [receiver], inside: rest };
  const isBind = method === 'bind' && receiver.op === 'id' && receiver.args === 'cel';
  return isBind ? { name: variable.args, outside: rest.slice(0, 1), inside: rest.slice(1) } : undefined;
}

/** How many loops stand inside each other. */
export function loopDepth(node: ASTNode): number {
  const inner = Math.max(0, ...childrenOf(node).map(loopDepth));
  return inner + (node.op === 'rcall' && LOOPS.has(node.args[0]) ? 1 : 0);
}

function childrenOf(node: ASTNode): readonly ASTNode[] {
  return nodesIn(node.args);
}

function nodesIn(value: unknown): readonly ASTNode[] {
  if (Array.isArray(value)) return value.flatMap(nodesIn);
  return isNode(value) ? [value] : [];
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

/** `a.b["c"]` as its names; undefined for anything else. */
export function pathOf(node: ASTNode): readonly string[] | undefined {
  if (node.op === 'id') return [node.args];
  if (node.op !== '.' && node.op !== '[]') return undefined;
  const [owner, key] = node.args;
  const before = pathOf(owner);
  const name = typeof key === 'string' ? key : key.op === 'value' ? key.args : undefined;
  return before && typeof name === 'string' ? [...before, name] : undefined;
}
