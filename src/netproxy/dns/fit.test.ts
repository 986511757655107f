import { expect, test } from '@jest/globals';
import { decode } from 'dns-packet';
import type { Answer, DecodedPacket, Packet } from 'dns-packet';
import { fit } from './fit.js';

const address = (at: number): Answer => ({
  type: 'A',
  name: 'db.default.svc.cluster.local',
  ttl: 30,
  data: `10.244.${at >> 8}.${at & 255}`,
});
const edns: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: 1232,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

function packet(answers: number, helps = 0): Packet {
  return {
    type: 'response',
    id: 1,
    questions: [{ type: 'A', name: 'db.default.svc.cluster.local' }],
    answers: Array.from({ length: answers }, (_, at) => address(at)),
    additionals: [...Array.from({ length: helps }, (_, at) => address(at)), edns],
  };
}

/** `answers additionals tc` of what comes out, which has no more bytes than it may. */
function fitted(wanted: Packet, bytes: number): string {
  const message = fit(wanted, bytes);
  expect(message.length).toBeLessThanOrEqual(bytes);
  const found: DecodedPacket = decode(message);
  const { answers = [], additionals = [], flag_tc: isCut } = found;
  expect(answers).toMatchObject((wanted.answers ?? []).slice(0, answers.length));
  return `${answers.length} ${additionals.length}${isCut ? ' tc' : ''}`;
}

// The header and the question have 46 bytes, an address 44, EDNS 11.
test.each<readonly [string, Packet, number, string]>([
  ['all', packet(5, 5), 512, '5 6'],
  ['no help', packet(8, 8), 512, '8 1'],
  ['to the last byte', packet(10), 46 + 10 * 44 + 11, '10 1'],
  ['one byte too many', packet(10), 46 + 10 * 44 + 10, '9 1 tc'],
  ['as many as go', packet(100, 100), 512, '10 1 tc'],
  ['over TCP', packet(1000), 65_535, '1000 1'],
  ['over TCP, which has an end too', packet(5000), 65_535, '1488 1 tc'],
  ['not even one', packet(3), 60, '0 1 tc'],
])('%s', (_name, wanted, bytes, found) => {
  expect(fitted(wanted, bytes)).toBe(found);
});
