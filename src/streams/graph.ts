import { closest } from '../core/closest.ts';
import { isCopy, recognise } from './shell-forms.ts';
import type { StreamStep } from './stream-step.ts';

/** A mistake in the steps of a stream stage, and where. */
export interface GraphProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

/** One step or branch, with the one that it reads from. */
export interface GraphNode {
  readonly id: number;
  /** `process/compress-save/save`. */
  readonly name: string;
  readonly step: StreamStep;
  /** In the YAML, from the stage's `steps`. */
  readonly path: readonly (string | number)[];
  readonly branch?: string;
  from?: number;
}

export interface StreamGraph {
  readonly nodes: readonly GraphNode[];
  /** Nodes that streams join, ids in the order of the file; groups run one after another. */
  readonly groups: readonly (readonly GraphNode[])[];
  readonly problems: readonly GraphProblem[];
}

/** Finds out who reads from whom, and everything that is wrong with it. */
export function buildGraph(steps: readonly StreamStep[]): StreamGraph {
  return new GraphBuilder().build(steps);
}

/** Where a chain of steps begins. */
interface Chain {
  readonly path: readonly (string | number)[];
  readonly prefix: string;
  /** The tee that feeds its first step. */
  readonly tee?: GraphNode;
  /** Name of the branch. */
  readonly branch?: string;
}

class GraphBuilder {
  readonly #nodes: GraphNode[] = [];
  readonly #problems: GraphProblem[] = [];
  #isNameUnknown = false;
  /** By the names that `input:` may use. */
  readonly #streams = new Map<string, GraphNode>();
  readonly #named: { readonly node: GraphNode; readonly stream: string }[] = [];
  readonly #readers = new Map<number, GraphNode[]>();

  build(steps: readonly StreamStep[]): StreamGraph {
    const namedInputs = new Set(steps.flatMap(({ input }) => (input === undefined ? [] : [input])));
    this.#chain(steps, { path: ['steps'], prefix: '' }, namedInputs);
    for (const { node, stream } of this.#named) this.#connectByName(node, stream);
    this.#refuseCycles();
    for (const node of this.#nodes) this.#checkReaders(node);
    if (this.#problems.length === 0) this.#makeFiles();
    return { nodes: this.#nodes, groups: groupsOf(this.#nodes), problems: this.#problems };
  }

  #problem(path: GraphProblem['path'], message: string, hint?: string): void {
    this.#problems.push({ path, message, ...(hint !== undefined && { hint }) });
  }

  #chain(steps: readonly StreamStep[], chain: Chain, namedInputs: ReadonlySet<string>): void {
    let before: GraphNode | undefined;
    steps.forEach((written, index) => {
      const step = recognise(written);
      const isBranch = chain.tee !== undefined && index === 0;
      const node: GraphNode = {
        id: this.#nodes.length,
        name: chain.prefix + step.name,
        step,
        path: [...chain.path, index],
        ...(isBranch && { branch: chain.branch ?? step.name }),
      };
      this.#nodes.push(node);
      if (isBranch && chain.tee) this.#connectBranch(node, chain.tee);
      else this.#connect(node, before, { namedInputs, isInBranch: chain.tee !== undefined });
      this.#register(node, namedInputs);
      this.#branches(node, namedInputs);
      before = node;
    });
  }

  #connectBranch(node: GraphNode, tee: GraphNode): void {
    const { input } = node.step;
    if (input !== undefined && input !== 'pipe') {
      this.#problem([...node.path, 'input'], 'a branch reads what its tee reads', 'Leave `input:` out.');
    }
    node.from = tee.id;
  }

  #connect(
    node: GraphNode,
    before: GraphNode | undefined,
    { namedInputs, isInBranch }: { readonly namedInputs: ReadonlySet<string>; readonly isInBranch: boolean },
  ): void {
    const { input, uses } = node.step;
    const at = [...node.path, 'input'];
    if (input !== undefined && input !== 'pipe') {
      if (isInBranch)
        this.#problem(at, 'a step in a branch reads the step before it', 'Write `input: pipe`.');
      else this.#named.push({ node, stream: input });
      return;
    }
    const isFed =
      before !== undefined && gives(before) && !namesOf(before).some((name) => namedInputs.has(name));
    if (isFed) this.#read(node, before);
    else if (input === 'pipe') this.#refusePipe(at, before);
    else if (isInBranch) {
      const name = before?.step.name ?? '';
      this.#problem(node.path, `nothing reaches this step: ${name} does not say \`output: stream\``);
    } else if (uses !== undefined) {
      const hint = 'Write `output: stream` at the step before it, or the name of a stream as `input:`.';
      this.#problem(node.path, `${uses} needs an input`, hint);
    }
  }

  #refusePipe(at: GraphProblem['path'], before: GraphNode | undefined): void {
    if (!before) return this.#problem(at, 'there is no pipe: this is the first step');
    const { name } = before.step;
    const hint = `Write \`output: stream\` at ${name}.`;
    return this.#problem(at, `there is no pipe: ${name} does not say \`output: stream\``, hint);
  }

  #read(reader: GraphNode, from: GraphNode): void {
    reader.from = from.id;
    this.#readers.set(from.id, [...(this.#readers.get(from.id) ?? []), reader]);
  }

  #register(node: GraphNode, namedInputs: ReadonlySet<string>): void {
    if (!gives(node)) return;
    for (const name of namesOf(node)) {
      if (this.#streams.has(name) && namedInputs.has(name)) {
        this.#problem(node.path, `two streams are called ${name}`, 'Name one `output: stream:OTHER`.');
      }
      this.#streams.set(name, node);
    }
  }

  #branches(node: GraphNode, namedInputs: ReadonlySet<string>): void {
    node.step.branches?.forEach((branch, index) => {
      const path = [...node.path, 'branches', index];
      const common = { prefix: `${node.name}/`, tee: node };
      if (!branch.steps) {
        // One step whose path is the branch itself, not an element of `steps`.
        const from = this.#nodes.length;
        this.#chain([branch], { ...common, path }, namedInputs);
        this.#shortenPaths(from, path);
        return;
      }
      const prefix = `${node.name}/${branch.name}/`;
      this.#chain(
        branch.steps,
        { path: [...path, 'steps'], prefix, tee: node, branch: branch.name },
        namedInputs,
      );
    });
  }

  /** `branches, 2, 0, …` is written as `branches, 2, …`. */
  #shortenPaths(from: number, path: readonly (string | number)[]): void {
    const shorten = (long: GraphProblem['path']): GraphProblem['path'] => [
      ...path,
      ...long.slice(path.length + 1),
    ];
    const isBelow = (long: GraphProblem['path']): boolean =>
      path.every((key, index) => long[index] === key) && long[path.length] === 0;
    for (let id = from; id < this.#nodes.length; id++) {
      const node = this.#nodes[id];
      if (node && isBelow(node.path)) this.#nodes[id] = Object.assign(node, { path: shorten(node.path) });
    }
    this.#problems.forEach((problem, index) => {
      if (isBelow(problem.path)) this.#problems[index] = { ...problem, path: shorten(problem.path) };
    });
  }

  #connectByName(node: GraphNode, stream: string): void {
    const from = this.#streams.get(stream);
    if (from) {
      this.#read(node, from);
      return;
    }
    const known = [...this.#streams.keys()];
    this.#isNameUnknown = true;
    const near = closest(stream, known);
    const other =
      known.length === 0 ? 'No step here says `output: stream`.' : `There are: ${known.join(', ')}.`;
    const hint = near === undefined ? other : `Did you mean ${near}?`;
    this.#problem([...node.path, 'input'], `there is no stream called ${stream}`, hint);
  }

  #refuseCycles(): void {
    const reported = new Set<number>();
    for (const start of this.#nodes) {
      const seen = new Set<number>();
      let at: GraphNode | undefined = start;
      while (at && !seen.has(at.id)) {
        seen.add(at.id);
        at = at.from === undefined ? undefined : this.#nodes[at.from];
      }
      if (!at || at.id !== start.id || reported.has(at.id)) continue;
      for (const id of seen) reported.add(id);
      const names = [...seen].map((id) => this.#nodes[id]?.name ?? '').toReversed();
      this.#problem(
        [...start.path, 'input'],
        `these steps read from each other in a circle: ${[start.name, ...names].join(' → ')}`,
      );
    }
  }

  #checkReaders(node: GraphNode): void {
    if (!gives(node)) return;
    const readers = this.#readers.get(node.id) ?? [];
    const [first, second] = readers;
    if (!first) {
      // A mistyped name would be told twice.
      if (this.#isNameUnknown) return;
      const hint = 'Write `input: pipe` at the step after it, or give its output another place.';
      this.#problem([...node.path, 'output'], `nobody reads the stream of ${node.step.name}`, hint);
    } else if (second) {
      const names = readers.map(({ step }) => step.name).join(' and ');
      const hint = 'Put a step with `type: tee` between them, with one branch for each.';
      this.#problem(second.path, `${names} both read the stream of ${node.step.name}`, hint);
    }
  }

  /** `cat > file` behind bytes that pass through us anyway is our own file sink. */
  #makeFiles(): void {
    for (const [id, node] of this.#nodes.entries()) {
      const { command, output, ...step } = node.step;
      const from = node.from === undefined ? undefined : this.#nodes[node.from];
      if (output?.to !== 'file' || !isCopy(command) || !from?.step.uses) continue;
      this.#nodes[id] = { ...node, step: { ...step, uses: 'file', path: output.path } };
    }
  }
}

function gives({ step }: GraphNode): boolean {
  return step.output?.to === 'stream';
}

/** Names under which its stream is known. */
function namesOf({ step, branch }: GraphNode): readonly string[] {
  if (step.output?.to !== 'stream') return [];
  if (step.output.name !== undefined) return [step.output.name];
  return branch === undefined || branch === step.name ? [step.name] : [step.name, branch];
}

/** Ids are positions in the group afterwards. */
function groupsOf(nodes: readonly GraphNode[]): readonly (readonly GraphNode[])[] {
  const groups = new Map<number, GraphNode[]>();
  for (const node of nodes) {
    let top = node;
    for (let hops = 0; top.from !== undefined && hops <= nodes.length; hops++) top = nodes[top.from] ?? top;
    groups.set(top.id, [...(groups.get(top.id) ?? []), node]);
  }
  return [...groups.values()].map((group) => {
    const position = new Map(group.map(({ id }, index) => [id, index]));
    return group.map((node, id) => {
      const from = node.from === undefined ? undefined : position.get(node.from);
      const { from: _, ...rest } = node;
      return { ...rest, id, ...(from !== undefined && { from }) };
    });
  });
}
