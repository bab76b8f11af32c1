import type { ChangedFile, TestStrategy } from '../../core/testgen.ts';

/**
 * What others rest on comes first, then what is at risk most. The unit test of a file is before its other tests and
 * before those of files that import it; an edge that would close a circle is left out.
 */
export function inOrder(
  strategies: readonly TestStrategy[],
  files: readonly ChangedFile[],
): readonly TestStrategy[] {
  const dependents = new Map(files.map((file) => [file.path, new Set(file.dependents)]));
  const byRisk = strategies.toSorted((a, b) => b.risk - a.risk || (a.id < b.id ? -1 : 1));
  const units = byRisk.filter(({ type }) => type === 'unit');
  const edges = new Map<string, Set<string>>();
  for (const one of byRisk) {
    const before = new Set<string>();
    edges.set(one.id, before);
    for (const unit of units) {
      if (unit.id === one.id) continue;
      const isOwn = unit.file === one.file;
      const isBelow = dependents.get(unit.file)?.has(one.file) === true;
      if ((isOwn || isBelow) && !reaches(edges, unit.id, one.id)) before.add(unit.id);
    }
  }
  return sorted(byRisk, edges).map((one) => ({ ...one, depends_on: [...(edges.get(one.id) ?? [])] }));
}

/** Whether there is a way from one to the other along what comes before. */
function reaches(edges: ReadonlyMap<string, ReadonlySet<string>>, from: string, to: string): boolean {
  const seen = new Set([from]);
  const queue = [from];
  for (let at = 0; at < queue.length; at += 1) {
    for (const next of edges.get(queue[at] ?? '') ?? []) {
      if (next === to) return true;
      if (!seen.has(next)) queue.push(next);
      seen.add(next);
    }
  }
  return false;
}

function sorted(
  byRisk: readonly TestStrategy[],
  edges: ReadonlyMap<string, ReadonlySet<string>>,
): readonly TestStrategy[] {
  const done = new Set<string>();
  const ordered: TestStrategy[] = [];
  while (ordered.length < byRisk.length) {
    const next = byRisk.find(
      ({ id }) => !done.has(id) && [...(edges.get(id) ?? [])].every((before) => done.has(before)),
    );
    // There is always one: no edge closes a circle.
    if (!next) return byRisk;
    done.add(next.id);
    ordered.push(next);
  }
  return ordered;
}
