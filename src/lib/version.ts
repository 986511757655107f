/** The version of this build. `scripts/pack` puts it in; what the compiler alone has made is called `dev`. */

declare const TRIREME_BUILD: string | undefined;

/** The version in `package.json`. */
const release = '0.1.0';

/**
 * Version and commit, as a semantic version: `0.1.0+g1a2b3c4d5e`, with `.dirty` behind it where files differed from
 * that commit.
 *
 */
export const buildVersion = typeof TRIREME_BUILD === 'string' ? TRIREME_BUILD : `${release}+dev`;

/** The patch release of Kubernetes whose promises are kept. */
const kubernetesRelease = 'v1.33.1';

/**
 * The version that components tell Kubernetes' clients: the release, and behind it our build, which clients do not
 * compare.
 */
export const kubernetesVersion = kubernetesVersionOf(buildVersion);

/** The same for any build: `v1.33.1+trireme.0.1.0.g1a2b3c4d5e`, a semantic version. */
export function kubernetesVersionOf(build: string): string {
  return `${kubernetesRelease}+trireme.${build.replaceAll('+', '.')}`;
}

/** The build in such a version; undefined where the component is none of ours. */
export function buildOf(kubernetes: string): string | undefined {
  const match = /\+trireme\.(\d+\.\d+\.\d+)(?:\.(.+))?$/.exec(kubernetes);
  if (match === null) return undefined;
  const [, version = '', rest] = match;
  return rest === undefined ? version : `${version}+${rest}`;
}
