import { pairsCommand } from './metadata-pairs.js';

/** `trireme label`. */
export const labelCommand = pairsCommand({
  name: 'label',
  field: 'labels',
  noun: 'label',
  summary: 'set or remove labels',
  examples: [
    ['set a label', 'trireme label pod web-0 tier=front'],
    ['change one that is there', 'trireme label pod web-0 tier=back --overwrite'],
    ['remove one', 'trireme label pod web-0 tier-'],
    ['on all pods with another label', 'trireme label pods -l app=web tier=front'],
    ['print those of an object', 'trireme label pod web-0 --list'],
  ],
});
