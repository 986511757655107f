import { RuntimeError } from './types.js';

/** The parts of an image reference. */
export interface ImageReference {
  readonly registry: string;
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/;
const digestForm = /^[A-Za-z][A-Za-z0-9]*(?:[+._-][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;
const registryForm =
  /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?$/;

/**
 * Reads a reference as Docker does: no registry means `docker.io`, one component there means `library/`, and neither
 * tag nor digest means `latest`.
 * @throws RuntimeError InvalidImageName
 */
export function parseImageReference(text: string): ImageReference {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  let rest = at < 0 ? text : text.slice(0, at);
  if (digest !== undefined && !digestForm.test(digest)) throw invalid(text);
  let tag: string | undefined;
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!tagForm.test(tag)) throw invalid(text);
  }
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  const hasRegistry = /[.:]/.test(first) || first === 'localhost' || /[A-Z]/.test(first);
  let registry = hasRegistry ? first : 'docker.io';
  let repository = hasRegistry ? rest.slice(slash + 1) : rest;
  if (registry === 'index.docker.io') registry = 'docker.io';
  if (registry === 'docker.io' && !repository.includes('/')) repository = `library/${repository}`;
  if (!registryForm.test(registry)) throw invalid(text);
  if (!repository.split('/').every((part) => component.test(part))) throw invalid(text);
  return {
    registry,
    repository,
    ...(tag === undefined ? (digest === undefined ? { tag: 'latest' } : {}) : { tag }),
    ...(digest === undefined ? {} : { digest }),
  };
}

/** The reference in full: `busybox` is `docker.io/library/busybox:latest`. @throws RuntimeError InvalidImageName */
export function normalizeImageReference(text: string): string {
  const { registry, repository, tag, digest } = parseImageReference(text);
  const tagged = tag === undefined ? '' : `:${tag}`;
  return `${registry}/${repository}${tagged}${digest === undefined ? '' : `@${digest}`}`;
}

/** Returns the `imageID` that kubelet reports: the repository with the digest. */
export function imageIdOf(reference: string, digest: string): string {
  const { registry, repository } = parseImageReference(reference);
  return `${registry}/${repository}@${digest}`;
}

function invalid(text: string): RuntimeError {
  return new RuntimeError(
    'InvalidImageName',
    `Failed to apply default image tag "${text}": couldn't parse image name "${text}": invalid reference format`,
    { retryable: false },
  );
}
