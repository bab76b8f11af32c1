import type { JsonObject, JsonValue } from '../../core/json.ts';

/** What the stage `docker-build` says of each service, under `images`. */
export type BuiltImage = {
  /** `sha256:…`: what is deployed, and compared on the host. */
  readonly id: string;
  /** `app:abc1234`: what it is called. */
  readonly reference: string;
  readonly tags: readonly string[];
  readonly size_bytes: number;
  readonly platform: string;
  /** Commit that it was built from; null without a repository. */
  readonly commit: string | null;
  /** An image of the same tree was there. */
  readonly reused: boolean;
};

/** What `docker-build` has left in `context.variables`, by service. */
export function readBuiltImages(variables: JsonObject): Readonly<Record<string, BuiltImage>> {
  const { images } = variables;
  if (typeof images !== 'object' || images === null || Array.isArray(images)) return {};
  return Object.fromEntries(
    Object.entries(images).flatMap(([service, image]) => (isBuiltImage(image) ? [[service, image]] : [])),
  );
}

function isBuiltImage(value: JsonValue | undefined): value is BuiltImage {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value['id'] === 'string' &&
    typeof value['reference'] === 'string' &&
    typeof value['size_bytes'] === 'number' &&
    typeof value['platform'] === 'string'
  );
}
