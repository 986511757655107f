/** The thread that a supervisor starts: loads one component and runs it to its end. */
import { isMainThread, workerData } from 'node:worker_threads';

interface ThreadData {
  readonly module: string;
  readonly entry: string;
  readonly argv: readonly string[];
}

if (!isMainThread) {
  const { module, entry, argv } = workerData as ThreadData;
  const loaded = (await import(module)) as Readonly<Record<string, unknown>>;
  const main = loaded[entry];
  if (typeof main !== 'function') throw new TypeError(`${module} exports no function ${entry}`);
  const code: unknown = await main(argv);
  process.exit(typeof code === 'number' ? code : 0);
}
