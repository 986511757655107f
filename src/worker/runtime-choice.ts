/** Chooses a worker's runtime, and makes it. */
import { access, constants, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../lib/clock.js';
import { assertNever } from '../lib/assert.js';
import type { Logger } from '../lib/log.js';
import type { ContainerRuntime } from '../runtime/types.js';
import type { RuntimeName, WorkerOptions } from './options.js';

type Choice = Pick<
  WorkerOptions,
  'runtime' | 'dataDir' | 'containerdManaged' | 'containerdSocket' | 'criEndpoint'
> & { readonly clock: Clock; readonly log: Logger };

/** Programs without which containerd cannot be used here. */
const needed = ['containerd', 'ctr', 'runc'] as const;

/** `auto`: containerd for root where its programs are, else plain processes. Says which. */
export async function chooseRuntime(options: Choice): Promise<RuntimeName> {
  const { runtime, log } = options;
  if (runtime !== 'auto') return runtime;
  const isRoot = process.getuid?.() === 0;
  const missing: string[] = [];
  for (const program of needed) if (!(await isInPath(program))) missing.push(program);
  const chosen = isRoot && missing.length === 0 ? 'containerd' : 'process';
  log.info({ runtime: chosen, root: isRoot, missing }, 'chose the container runtime');
  return chosen;
}

async function isInPath(program: string): Promise<boolean> {
  for (const directory of (process.env['PATH'] ?? '').split(':')) {
    const found = await access(join(directory, program), constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return true;
  }
  return false;
}

/** Makes the runtime and starts it. Only its own module is loaded. */
export async function startRuntime(name: RuntimeName, options: Choice): Promise<ContainerRuntime> {
  const runtime = await createRuntime(name, options);
  await runtime.start();
  const { containerdManaged, containerdSocket } = options;
  if (name === 'containerd' && containerdManaged && containerdSocket !== undefined) {
    await rm(containerdSocket, { force: true });
    await symlink(
      (runtime as ContainerRuntime & { readonly address: string }).address,
      containerdSocket,
    );
  }
  return runtime;
}

async function createRuntime(name: RuntimeName, options: Choice): Promise<ContainerRuntime> {
  const { clock, containerdManaged, containerdSocket } = options;
  const log = options.log.child({ part: 'runtime' });
  const dataDir = join(options.dataDir, 'runtime');
  switch (name) {
    case 'containerd': {
      const { ContainerdRuntime } = await import('../runtime/containerd/runtime.js');
      const given =
        containerdManaged || containerdSocket === undefined ? {} : { socket: containerdSocket };
      return new ContainerdRuntime({ dataDir, clock, log, ...given });
    }
    case 'process': {
      const { ProcessRuntime } = await import('../runtime/process/runtime.js');
      return new ProcessRuntime({ dataDir, clock, log });
    }
    case 'hollow': {
      const { HollowRuntime } = await import('../runtime/hollow/runtime.js');
      return new HollowRuntime({ clock });
    }
    case 'cri': {
      const { CriRuntime } = await import('../runtime/cri/runtime.js');
      return new CriRuntime({ endpoint: options.criEndpoint, dataDir, clock, log });
    }
    default:
      return assertNever(name, 'runtime');
  }
}
