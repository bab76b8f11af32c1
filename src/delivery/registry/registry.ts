import { randomBytes } from 'node:crypto';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { handleBlobs, handleUploads } from './blob-routes.ts';
import type { BlobStore } from './blob-store.ts';
import { answer, answerError, type Exchange, type RegistryStats } from './exchange.ts';
import { createManifests, handleManifests } from './manifest-routes.ts';

/**
 * A registry in this process, for one transfer: an engine here pushes to it, one elsewhere pulls from it, and only layers that
 * are missing travel. Bound to 127.0.0.1; images lie under a path that nobody can guess.
 * Source: opencontainers/distribution-spec 1.1; github.com/distribution/distribution, docs/spec/api.md.
 */
export interface Registry {
  /** First part of every repository's name. */
  readonly secret: string;
  /** Listens at 127.0.0.1; resolves with the port. */
  readonly listen: () => Promise<number>;
  /** Speaks with a client behind a connection that came from elsewhere. */
  readonly serve: (connection: NodeJS.ReadWriteStream) => void;
  readonly stats: Readonly<RegistryStats>;
  /** Layers of a pushed image: digest to size in bytes. */
  readonly layers: (name: string, tag: string) => ReadonlyMap<string, number>;
  readonly close: () => Promise<void>;
}

/** A registry of this process for one delivery; who knows its secret may use it. */
export function createRegistry(blobs: BlobStore): Registry {
  const secret = randomBytes(16).toString('hex');
  const stats: RegistryStats = { received_bytes: 0, sent_bytes: 0, requests: 0 };
  const manifests = createManifests();
  const uploads = new Map();
  const server = http.createServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
    stats.requests += 1;
    const url = new URL(request.url ?? '/', 'http://registry');
    response.setHeader('Docker-Distribution-Api-Version', 'registry/2.0');
    const exchange = { request, response, url, blobs, stats };
    route(exchange).catch((error: unknown) => {
      // A client that went away needs no answer; one that is there hears that our disk is full.
      if (response.headersSent) response.destroy();
      else answerError(response, 500, 'UNKNOWN', error instanceof Error ? error.message : String(error));
    });
  });
  const route = async (exchange: Exchange): Promise<void> => {
    const { url, response } = exchange;
    if (url.pathname === '/v2/' || url.pathname === '/v2') return answer(response, 200, {}, '{}');
    const [, name, rest = ''] = /^\/v2\/([0-9a-f]+\/[a-z0-9._-]+)\/(.+)$/.exec(url.pathname) ?? [];
    if (name === undefined || !name.startsWith(`${secret}/`)) {
      return answerError(response, 404, 'NAME_UNKNOWN', 'there is no such repository');
    }
    if (rest.startsWith('blobs/uploads/')) {
      return handleUploads(exchange, { name, uploads, id: rest.slice('blobs/uploads/'.length) });
    }
    if (rest.startsWith('blobs/')) return handleBlobs(exchange, rest.slice('blobs/'.length));
    if (rest.startsWith('manifests/')) {
      return handleManifests(exchange, { name, manifests, reference: rest.slice('manifests/'.length) });
    }
    return answerError(response, 404, 'UNSUPPORTED', 'there is no such path');
  };
  return {
    secret,
    stats,
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', () => resolve(portOf(server.address())));
      }),
    serve: (connection) => void server.emit('connection', connection),
    layers: (name, tag) => manifests.layers(`${secret}/${name}`, tag),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      await Promise.all([...uploads.values()].map((upload) => upload.abandon()));
    },
  };
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address ? address.port : 0;
}
