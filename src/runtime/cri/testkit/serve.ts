/** A runtime of CRI in this process, which does what a test says, and a {@link CriRuntime} that speaks to it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ImageServiceDefinition, RuntimeServiceDefinition } from '../../../gen/cri/api.js';
import { systemClock } from '../../../lib/clock.js';
import { Code, createGrpcServer, GrpcError } from '../../../lib/grpc/index.js';
import type { Handlers } from '../../../lib/grpc/index.js';
import { silentLogger } from '../../../lib/log.js';
import { CriRuntime } from '../runtime.js';

/** The answers of a runtime. Whatever is not there is not implemented. */
export interface CriAnswers {
  readonly runtime: Partial<Handlers<typeof RuntimeServiceDefinition>>;
  readonly images?: Partial<Handlers<typeof ImageServiceDefinition>>;
}

/** Serves a runtime. @returns the agent's side of it, not started, its directory, and what ends both */
export async function serveCri(answers: CriAnswers): Promise<{
  readonly runtime: CriRuntime;
  readonly dir: string;
  readonly end: () => Promise<void>;
}> {
  const dir = mkdtempSync(join(tmpdir(), 'cri-'));
  const server = createGrpcServer({ log: silentLogger });
  server.addService(RuntimeServiceDefinition, all(RuntimeServiceDefinition, answers.runtime));
  server.addService(ImageServiceDefinition, all(ImageServiceDefinition, answers.images ?? {}));
  const path = join(dir, 's');
  await server.listen({ path });
  const runtime = new CriRuntime({
    endpoint: `unix://${path}`,
    dataDir: dir,
    clock: systemClock({ unref: true }),
    log: silentLogger,
  });
  const end = async (): Promise<void> => {
    await runtime.stop();
    await server.close();
    rmSync(dir, { recursive: true });
  };
  return { runtime, dir, end };
}

function all<S extends { readonly methods: object }>(definition: S, some: object): Handlers<S> {
  const none = (): never => {
    throw new GrpcError(Code.Unimplemented, 'unknown method');
  };
  const names = Object.keys(definition.methods);
  const handlers: unknown = { ...Object.fromEntries(names.map((name) => [name, none])), ...some };
  return handlers as Handlers<S>;
}
