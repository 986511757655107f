/**
 * Records what a genuine kube-apiserver makes of new rich samples: `node
 * dist/test/conformance/oracle/record-whole-answers.js FILE`, where FILE is the administrator's kubeconfig as JSON.
 */
import { writeFileSync } from 'node:fs';
import { connectByFile } from './client.js';
import { collectionOf } from './requests.js';
import { readSamples } from './samples.js';
import { answerBeside } from './whole-answers.js';

const ask = connectByFile(process.argv[2] ?? '');
const told: string[] = [];
for (const { id, object } of readSamples().filter(({ rich }) => rich)) {
  const path = `${collectionOf(object)}?dryRun=All`;
  told.push([id, ...answerBeside(object, await ask('POST', path, { body: object }))].join('\n'));
}
writeFileSync('test/conformance/testdata/whole-answers.txt', `${told.join('\n\n')}\n`);
process.exit(0);
