/**
 * Prints where our answers to mutated samples differ from recorded ones: `node
 * dist/test/conformance/oracle/report-differences.js`.
 */
import { differencesOf } from './compare.js';
import { readSamples } from './samples.js';

for (const sample of readSamples()) {
  for (const verb of ['create', 'update'] as const) {
    for (const { at, ours, theirs } of differencesOf(sample, verb)) {
      console.log(`${at}\n    ours    ${ours}\n    theirs  ${theirs}`);
    }
  }
}
