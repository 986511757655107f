/** Reads the configurations of images from containerd's content store, by digest. */
import { createHash } from 'node:crypto';
import type { ImageProcess } from '../image-config.js';
import { RuntimeError } from '../types.js';
import * as commands from './commands.js';
import type { Ctr } from './ctr.js';

/** The parts of an image's configuration that running it needs. */
export interface ImageContent {
  readonly process: ImageProcess;
  /** The name of the committed snapshot of all layers. */
  readonly chainId: string;
}

interface Descriptor {
  readonly digest: string;
  readonly platform?: { readonly architecture?: string; readonly os?: string };
}

interface ImageConfig {
  readonly config?: ImageProcess;
  readonly rootfs?: { readonly diff_ids?: readonly string[] };
}

/** @param digest of a manifest, or of an index with one for this machine */
export async function imageContent(ctr: Ctr, digest: string): Promise<ImageContent> {
  const read = async (blob: string): Promise<unknown> =>
    JSON.parse(await ctr.call(commands.contentGet(blob)));
  const top = (await read(digest)) as { manifests?: Descriptor[]; config?: Descriptor };
  let { config } = top;
  if (top.manifests !== undefined) {
    const manifest = (await read(forThisMachine(top.manifests))) as { config?: Descriptor };
    config = manifest.config;
  }
  if (config === undefined) {
    throw new RuntimeError('CreateFailed', `image ${digest} has no configuration`);
  }
  const { config: process = {}, rootfs } = (await read(config.digest)) as ImageConfig;
  return { process, chainId: chainIdOf(rootfs?.diff_ids ?? []) };
}

function forThisMachine(manifests: readonly Descriptor[]): string {
  const arch = { x64: 'amd64', arm64: 'arm64' }[process.arch as string] ?? process.arch;
  const chosen =
    manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === arch) ??
    manifests[0];
  return chosen?.digest ?? '';
}

/** @see OCI image specification, "Layer ChainID" */
export function chainIdOf(diffIds: readonly string[]): string {
  const [first = '', ...rest] = diffIds;
  return rest.reduce((chain, diffId) => {
    const hash = createHash('sha256').update(`${chain} ${diffId}`).digest('hex');
    return `sha256:${hash}`;
  }, first);
}
