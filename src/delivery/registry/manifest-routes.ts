import { answer, answerError, type Exchange, sha256 } from './exchange.ts';

interface Manifest {
  readonly type: string;
  readonly body: string;
  readonly digest: string;
}

/** Manifests of this registry's life, by repository and by tag or digest. */
export interface Manifests {
  readonly get: (name: string, reference: string) => Manifest | undefined;
  readonly put: (name: string, reference: string, manifest: Manifest) => void;
  readonly layers: (name: string, tag: string) => ReadonlyMap<string, number>;
}

/** In memory: found by tag and by digest. */
export function createManifests(): Manifests {
  const known = new Map<string, Manifest>();
  const get = (name: string, reference: string): Manifest | undefined => known.get(`${name}@${reference}`);
  return {
    get,
    put: (name, reference, manifest) => {
      known.set(`${name}@${reference}`, manifest);
      known.set(`${name}@${manifest.digest}`, manifest);
    },
    layers: (name, tag) => {
      const body: { readonly layers?: readonly { readonly digest: string; readonly size: number }[] } =
        JSON.parse(get(name, tag)?.body ?? '{}');
      return new Map((body.layers ?? []).map(({ digest, size }) => [digest, size]));
    },
  };
}

/** Of one manifest; the engines' own are far smaller. */
const MAX_BYTES = 4 << 20;

/** `PUT`, `HEAD` and `GET manifests/<tag or digest>`. */
export async function handleManifests(
  { request, response }: Exchange,
  {
    name,
    manifests,
    reference,
  }: { readonly name: string; readonly manifests: Manifests; readonly reference: string },
): Promise<void> {
  if (request.method === 'PUT') {
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of request) {
      const bytes = Buffer.from(chunk);
      size += bytes.length;
      if (size > MAX_BYTES)
        return answerError(response, 413, 'MANIFEST_INVALID', 'the manifest is too large');
      chunks.push(bytes);
    }
    const body = Buffer.concat(chunks);
    const digest = sha256(body);
    if (reference.startsWith('sha256:') && reference !== digest) {
      return answerError(response, 400, 'DIGEST_INVALID', 'the manifest has another digest');
    }
    const type = request.headers['content-type'] ?? 'application/vnd.docker.distribution.manifest.v2+json';
    manifests.put(name, reference, { type, body: body.toString('utf8'), digest });
    const headers = { Location: `/v2/${name}/manifests/${digest}`, 'Docker-Content-Digest': digest };
    return answer(response, 201, headers);
  }
  const manifest = manifests.get(name, reference);
  if (!manifest) return answerError(response, 404, 'MANIFEST_UNKNOWN', 'there is no such manifest');
  const headers = {
    'Content-Type': manifest.type,
    'Content-Length': Buffer.byteLength(manifest.body),
    'Docker-Content-Digest': manifest.digest,
  };
  return answer(response, 200, headers, request.method === 'HEAD' ? '' : manifest.body);
}
