import { pairsCommand } from './metadata-pairs.js';

/** `trireme annotate`. */
export const annotateCommand = pairsCommand({
  name: 'annotate',
  field: 'annotations',
  noun: 'annotation',
  summary: 'set or remove annotations',
  examples: [
    ['set an annotation', "trireme annotate deployment web owner='the web team'"],
    ['change one that is there', 'trireme annotate deployment web owner=ops --overwrite'],
    ['remove one', 'trireme annotate deployment web owner-'],
  ],
});
