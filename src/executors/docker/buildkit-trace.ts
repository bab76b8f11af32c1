/**
 * What BuildKit reports in `moby.buildkit.trace`: a StatusResponse as protocol buffer.
 * Source: moby/buildkit api/services/control/control.proto.
 */
interface BuildTrace {
  readonly vertexes: readonly Vertex[];
  readonly logs: readonly { readonly vertex: string; readonly text: string }[];
}

/** One step of the build. */
interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly isCached: boolean;
  /** Milliseconds since 1970; absent until then. */
  readonly startedAtMs?: number;
  readonly completedAtMs?: number;
  readonly error: string;
}

type Field = readonly [number: number, value: Uint8Array | bigint];

function decodeTrace(bytes: Uint8Array): BuildTrace {
  const fields = [...fieldsOf(bytes)];
  return {
    vertexes: messages(fields, 1).map((fieldList) => ({
      digest: textIn(fieldList, 1),
      name: textIn(fieldList, 3),
      isCached: numberIn(fieldList, 4) === 1n,
      ...timeIn(fieldList, 5, 'startedAtMs'),
      ...timeIn(fieldList, 6, 'completedAtMs'),
      error: textIn(fieldList, 7),
    })),
    logs: messages(fields, 3).map((fieldList) => ({
      vertex: textIn(fieldList, 1),
      text: textIn(fieldList, 4),
    })),
  };
}

/** Fields in the order of the bytes; those of unknown wire types end it. */
function* fieldsOf(bytes: Uint8Array): Iterable<Field> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return value;
  };
  while (at < bytes.length) {
    const key = varint();
    const number = Number(key >> 3n);
    const wire = Number(key & 7n);
    if (wire === 0) yield [number, varint()];
    else if (wire === 2) {
      const length = Number(varint());
      yield [number, bytes.subarray(at, at + length)];
      at += length;
    } else if (wire === 1) at += 8;
    else if (wire === 5) at += 4;
    else return;
  }
}

function messages(fields: readonly Field[], number: number): readonly (readonly Field[])[] {
  return fields.flatMap(([of, value]) =>
    of === number && typeof value !== 'bigint' ? [[...fieldsOf(value)]] : [],
  );
}

function textIn(fields: readonly Field[], number: number): string {
  const value = fields.find(([of]) => of === number)?.[1];
  return value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : '';
}

function numberIn(fields: readonly Field[], number: number): bigint {
  const value = fields.find(([of]) => of === number)?.[1];
  return typeof value === 'bigint' ? value : 0n;
}

function timeIn<Key extends string>(
  fields: readonly Field[],
  number: number,
  key: Key,
): Partial<Record<Key, number>> {
  const [time] = messages(fields, number);
  if (!time) return {};
  const ms = Number(numberIn(time, 1)) * 1000 + Number(numberIn(time, 2)) / 1e6;
  const made: Partial<Record<Key, number>> = {};
  made[key] = ms;
  return made;
}

/** Turns traces into lines like those of `docker build --progress=plain`; each step once per state. */
export function createTraceLines(): (aux: string) => readonly string[] {
  const steps = new Map<string, { readonly number: number; isStarted: boolean; isEnded: boolean }>();
  const stepOf = (digest: string) => {
    const known = steps.get(digest) ?? { number: steps.size + 1, isStarted: false, isEnded: false };
    steps.set(digest, known);
    return known;
  };
  return (aux) => {
    const { vertexes, logs } = decodeTrace(Buffer.from(aux, 'base64'));
    const lines: string[] = [];
    for (const vertex of vertexes) {
      const step = stepOf(vertex.digest);
      if (!step.isStarted && (vertex.startedAtMs !== undefined || vertex.isCached)) {
        step.isStarted = true;
        lines.push(`#${step.number} ${vertex.name}`);
      }
      if (step.isEnded || vertex.completedAtMs === undefined) continue;
      step.isEnded = true;
      lines.push(`#${step.number} ${endOf(vertex)}`);
    }
    for (const { vertex, text } of logs) {
      const { number } = stepOf(vertex);
      lines.push(
        ...text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => `#${number} ${line}`),
      );
    }
    return lines;
  };
}

function endOf({ error, isCached, startedAtMs = 0, completedAtMs = 0 }: Vertex): string {
  if (error !== '') return `ERROR: ${error}`;
  return isCached ? 'CACHED' : `DONE ${((completedAtMs - startedAtMs) / 1000).toFixed(1)}s`;
}
