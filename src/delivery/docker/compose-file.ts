import { isAlias, isMap, isScalar, parseDocument } from 'yaml';
import { failed, ok, type Result } from '../../core/failure.ts';

/** Of a service in a compose file: its image, and where the scalar stands. */
interface ImageScalar {
  readonly image: string;
  readonly start: number;
  readonly end: number;
  /** The quote around it, or nothing. */
  readonly quote: string;
}

/** The image that a compose file names for a service; `invalid` says why there is none to replace. */
export function imageIn(text: string, service: string, file: string): Result<string> {
  const found = findImage(text, service, file);
  return found.ok ? ok(found.value.image) : found;
}

/** The same text, byte for byte, with another image for one service. */
export function withImage(
  text: string,
  { service, image, file }: { readonly service: string; readonly image: string; readonly file: string },
): Result<string> {
  const found = findImage(text, service, file);
  if (!found.ok) return found;
  const { start, end, quote } = found.value;
  return ok(`${text.slice(0, start)}${quote}${image}${quote}${text.slice(end)}`);
}

function findImage(text: string, service: string, file: string): Result<ImageScalar> {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) return invalid(`${file} cannot be read: ${error.message.split('\n')[0] ?? ''}`);
  const services = document.get('services');
  if (!isMap(services)) return invalid(`${file} has no services`);
  const own = services.get(service);
  if (!isMap(own)) {
    const known = services.items.map(({ key }) => String(key)).join(', ');
    return invalid(`${file} has no service ${service}; it has: ${known}`);
  }
  const node = own.get('image', true);
  if (isAlias(node)) return invalid(`${file}: the image of ${service} is an alias; write it out`);
  if (!isScalar(node) || !node.range) {
    return invalid(`${file}: the service ${service} has no \`image:\` of its own to put the new one in`);
  }
  const [start, end] = node.range;
  const quote = /^['"]/.exec(text.slice(start, end))?.[0] ?? '';
  return ok({ image: String(node.value), start, end, quote });
}

function invalid(message: string): Result<never> {
  return failed({ reason: 'invalid', message });
}

/** What `docker compose config` says of a service, as far as it matters for starting one beside it. */
export interface RenderedService {
  readonly image?: string;
  readonly containerName?: string;
  readonly usesHostNetwork: boolean;
  /** Ports of the host that it wants, `8080` and `8000-8010`. */
  readonly published: readonly string[];
}

/** Reads the output of both compose commands: version 1 writes ports as text, version 2 as maps. */
export function readRendered(text: string, service: string): RenderedService | undefined {
  const document: { readonly services?: Readonly<Record<string, Rendered>> } =
    parseDocument(text).toJS() ?? {};
  const own = document.services?.[service];
  if (!own) return undefined;
  return {
    ...(own.image !== undefined && { image: own.image }),
    ...(own.container_name !== undefined && { containerName: own.container_name }),
    usesHostNetwork: own.network_mode === 'host',
    published: (own.ports ?? []).flatMap((port) => publishedBy(port) ?? []),
  };
}

interface Rendered {
  readonly image?: string;
  readonly container_name?: string;
  readonly network_mode?: string;
  readonly ports?: readonly (string | number | { readonly published?: string | number })[];
}

/** `127.0.0.1:8080:80/tcp` and `{published: 8080}` are 8080; `80` and `127.0.0.1::80` are chosen by the engine. */
function publishedBy(port: string | number | { readonly published?: string | number }): string | undefined {
  if (typeof port === 'number') return undefined;
  const published = typeof port === 'object' ? port.published : port.split('/')[0]?.split(':').at(-2);
  const text = String(published ?? '');
  return text === '' || text === '0' ? undefined : text;
}
