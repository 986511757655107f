/**
 * The output and the exit codes of the client commands: `testdata/*.txt` are transcripts against the cluster of
 * `testdata/cluster.yaml`.
 */
import { expect, test } from '@jest/globals';
import { AgentDefinition } from '../gen/agent.js';
import type { ExecOutput } from '../gen/agent.js';
import { ClusterDefinition } from '../gen/cluster.js';
import { clusterStatus } from './testkit/cluster-status.js';
import { FakeCluster, testdata } from './testkit/fake-cluster.js';
import { checkTranscript } from './testkit/transcript.js';

test.each(['help', 'usage', 'get-tables', 'get', 'describe', 'changes', 'rollout'])(
  '%s',
  async (name) => {
    const cluster = await FakeCluster.load(testdata('cluster.yaml'));
    const { is, should } = await checkTranscript(testdata(`${name}.txt`), cluster);
    expect(is).toBe(should);
  },
);

/** A call of exec: what it is sent is kept, and it answers as its command says. */
class FakeExec {
  readonly sent: unknown[] = [];
  #command: readonly string[] = [];

  send(message: { kind: { value: { command?: readonly string[] } } }): boolean {
    this.sent.push(message);
    this.#command = message.kind.value.command ?? this.#command;
    return true;
  }

  end(): void {
    this.sent.push('end');
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ExecOutput> {
    const bytes = (text: string): Buffer => Buffer.from(text);
    yield { kind: { $case: 'stdout', value: bytes(`ran ${this.#command.join(' ')}\n`) } };
    yield { kind: { $case: 'stderr', value: bytes('words\n') } };
    if (this.#command[0] === 'cut-off') return;
    const code = this.#command[0] === 'sh' ? 3 : 0;
    const error = code === 0 ? '' : 'command terminated with exit code 3';
    yield { kind: { $case: 'exit', value: { code, error } } };
  }
}

test('cluster', async () => {
  const cluster = await FakeCluster.load(testdata('cluster.yaml'));
  const execs: FakeExec[] = [];
  cluster.answer(ClusterDefinition, {
    status: () => Promise.resolve(clusterStatus()),
    createToken: ({ ttlSeconds }: { ttlSeconds: number }) =>
      Promise.resolve({
        token: 'abcdef.0123456789abcdef',
        caHash: 'sha256:00ff',
        expires: new Date(Date.UTC(2026, 0, 1, 12, 0, ttlSeconds)).toISOString(),
      }),
  });
  cluster.answer(AgentDefinition, {
    async *logs() {
      yield { data: Buffer.from('one\ntw') };
      yield { data: Buffer.from('o\n') };
    },
    exec: () => {
      const made = new FakeExec();
      execs.push(made);
      return made;
    },
  });
  const { is, should } = await checkTranscript(testdata('cluster.txt'), cluster);
  expect(is).toBe(should);
  const container = (pod: string, name: string, namespace = 'default'): object => ({
    namespace,
    pod,
    uid: '',
    container: name,
  });
  const plain = { follow: false, previous: false, timestamps: false, sinceTime: '' };
  expect(cluster.requests.filter((request) => request !== undefined)).toEqual([
    {},
    {},
    { ttlSeconds: 86_400, usages: ['worker'] },
    { ttlSeconds: 60, usages: ['worker', 'master'] },
    { container: container('web-0', ''), ...plain },
    {
      container: container('web-0', 'log', 'jobs'),
      follow: true,
      previous: true,
      timestamps: true,
      sinceTime: '',
      tailLines: 2,
      sinceSeconds: 60,
    },
  ]);
  const start = (at: number): unknown => execs[at]?.sent[0];
  expect(start(0)).toEqual({
    kind: {
      $case: 'start',
      value: {
        container: container('web-0', ''),
        command: ['sh', '-c', 'exit 3'],
        stdin: false,
        stdout: true,
        stderr: true,
        tty: false,
      },
    },
  });
  expect(start(1)).toMatchObject({
    kind: { value: { container: container('web-0', 'log', 'jobs') } },
  });
  // Nothing is to be sent to its standard input.
  expect(execs.map(({ sent }) => sent.at(-1))).toEqual(['end', 'end', 'end']);
});
