import { parseImageReference } from '../lib/image-reference.js';
import type { ImageReference } from '../lib/image-reference.js';
import { RuntimeError } from './types.js';

/** The reference in full: `busybox` is `docker.io/library/busybox:latest`. @throws RuntimeError InvalidImageName */
export function normalizeImageReference(text: string): string {
  const { registry, repository, tag, digest } = parsed(text);
  const tagged = tag === undefined ? '' : `:${tag}`;
  return `${registry}/${repository}${tagged}${digest === undefined ? '' : `@${digest}`}`;
}

/** Returns the `imageID` that kubelet reports: the repository with the digest. */
export function imageIdOf(reference: string, digest: string): string {
  const { registry, repository } = parsed(reference);
  return `${registry}/${repository}@${digest}`;
}

/** @throws RuntimeError InvalidImageName */
function parsed(text: string): ImageReference {
  const reference = parseImageReference(text);
  if (reference !== undefined) return reference;
  throw new RuntimeError(
    'InvalidImageName',
    `Failed to apply default image tag "${text}": couldn't parse image name "${text}": invalid reference format`,
    { retryable: false },
  );
}
