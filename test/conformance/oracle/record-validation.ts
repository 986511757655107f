/**
 * Records a genuine kube-apiserver's answers to mutated objects: `node
 * dist/test/conformance/oracle/record-validation.js FILE [SAMPLE…]`, where FILE is the administrator's kubeconfig as
 * JSON. Everything is asked with dry run; updates create the sample first and delete it afterwards.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { answerText, formatAnswers, withoutSame } from './answers.js';
import type { Cause, Refusal } from './answers.js';
import type { Answer, Ask } from './client.js';
import { connectByFile } from './client.js';
import { isForUpdate, mutationsOf, pathText } from './mutations.js';
import type { Mutation } from './mutations.js';
import { collectionOf, remove, settled, withVersion } from './requests.js';
import type { Sample } from './samples.js';
import { readSamples } from './samples.js';

const folder = 'test/conformance/testdata/validation';

function refusalOf({ code, body }: Answer): Refusal {
  const details = body['details'] as { causes?: Cause[] } | undefined;
  const { message } = body;
  return {
    code,
    message: typeof message === 'string' ? message : '',
    causes: details?.causes ?? [],
  };
}

type Ask1 = (body: unknown) => Promise<Answer>;

/** Stands for a connection that the peer closed instead of answering: its handler had a fault of its own. */
function noAnswer(): Answer {
  return { code: 500, body: {} };
}

/** Requests that are under way at once. */
const batchSize = 16;

async function record(
  mutations: readonly Mutation[],
  ask: Ask1,
): Promise<Map<string, Map<string, string>>> {
  const answers = new Map<string, Map<string, string>>();
  for (let start = 0; start < mutations.length; start += batchSize) {
    const batch = mutations.slice(start, start + batchSize);
    const given = await Promise.all(batch.map((mutation) => ask(mutation.apply()).catch(noAnswer)));
    batch.forEach((mutation, index) => {
      const field = pathText(mutation.path).replaceAll(' ', '_');
      const answer = given[index];
      if (answer === undefined) return;
      const byName = answers.get(field) ?? new Map<string, string>();
      byName.set(mutation.name, answerText(refusalOf(answer), { field, value: mutation.value }));
      answers.set(field, byName);
    });
  }
  return answers;
}

async function recordSample(ask: Ask, sample: Sample): Promise<void> {
  const { object, id, rich } = sample;
  const path = collectionOf(object);
  const mutations = mutationsOf(object, {
    metadata: rich ? 'name' : object.kind === 'ConfigMap',
    more: rich ? 'recorded' : undefined,
  });
  const valid = await ask('POST', `${path}?dryRun=All`, { body: object });
  if (valid.code !== 201) {
    console.error(`${id}: the sample is refused: ${String(valid.body['message'])}`);
    return;
  }
  const created = await record(mutations, (body) => ask('POST', `${path}?dryRun=All`, { body }));
  writeFileSync(`${folder}/${id}.create.txt`, formatAnswers(created));
  const { name } = object.metadata;
  if (name === undefined) return;
  const real = await ask('POST', path, { body: object });
  if (real.code !== 201) {
    console.error(`${id}: not created: ${String(real.body['message'])}`);
    return;
  }
  const stored = await settled(ask, `${path}/${encodeURIComponent(name)}`);
  const updated = await record(mutations.filter(isForUpdate), (body) =>
    ask('PUT', `${path}/${encodeURIComponent(name)}?dryRun=All`, {
      body: withVersion(body, stored),
    }),
  );
  writeFileSync(`${folder}/${id}.update.txt`, formatAnswers(withoutSame(updated, created)));
  await remove(ask, object);
}

const [file = '', ...wanted] = process.argv.slice(2);
const ask = connectByFile(file);
mkdirSync(folder, { recursive: true });
for (const sample of readSamples()) {
  if (wanted.length === 0 || wanted.includes(sample.id)) await recordSample(ask, sample);
}
process.exit(0);
