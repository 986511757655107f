/** Answers one DNS question: the protocol's rules apart from sockets. */
import { AUTHORITATIVE_ANSWER, RECURSION_AVAILABLE } from 'dns-packet';
import type { Answer, DecodedPacket, Packet, Question } from 'dns-packet';
import { decode } from 'dns-packet';
import type { ClusterZone } from './cluster-zone.js';
import { fit } from './fit.js';
import type { Forwarder } from './forwarder.js';
import { rcodeOf } from './forwarder.js';
import { normalName } from './name.js';
import { questionProblem } from './question.js';

const rcodes: Readonly<Record<string, number>> = {
  NOERROR: 0,
  FORMERR: 1,
  SERVFAIL: 2,
  NXDOMAIN: 3,
  NOTIMP: 4,
  REFUSED: 5,
};
/** RFC 1035: without EDNS0 an answer over UDP has 512 bytes at most. */
const udpBytesPlain = 512;
const udpBytesOwn = 1232;
/** The length before a message over TCP has two bytes. */
const tcpBytes = 65_535;
/** RFC 6891, section 6.1.3: the upper eight bits of BADVERS (16); the lower ones are 0. */
const badVersion = 1;
const recursionDesired = 0x0100;
/** An alias may lead to another cluster name; longer chains are cut. */
const aliasesMax = 8;

interface Outcome {
  readonly rcode: string;
  readonly own: boolean;
  readonly answers: Answer[];
  readonly authorities: Answer[];
  readonly additionals: Answer[];
}

/** Answers messages: from the cluster's zone, else from the forwarder. */
export class Responder {
  readonly #zone: ClusterZone;
  readonly #forwarder: Forwarder;
  readonly #turn: (count: number) => number;

  /** @param turn which of so many answers comes first, from 0: many clients take the first */
  constructor(zone: ClusterZone, forwarder: Forwarder, turn: (count: number) => number) {
    this.#zone = zone;
    this.#forwarder = forwarder;
    this.#turn = turn;
  }

  /** @returns undefined for what deserves no answer: not a query, or too damaged to have an id */
  async respond(message: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    if (message.length < 12 || (message.readUInt16BE(2) & 0x8000) !== 0) return undefined;
    if (((message.readUInt16BE(2) >> 11) & 15) !== 0) return refusal(message, 'NOTIMP');
    const problem = questionProblem(message);
    if (problem !== undefined) return refusal(message, problem);
    let query: DecodedPacket;
    try {
      query = decode(message);
    } catch {
      return refusal(message, 'FORMERR');
    }
    const [question] = query.questions ?? [];
    if (question === undefined) return refusal(message, 'FORMERR');
    const edns = query.additionals?.find((record) => record.type === 'OPT');
    const size =
      edns !== undefined && 'udpPayloadSize' in edns
        ? Math.max(udpBytesPlain, Math.min(edns.udpPayloadSize, udpBytesOwn))
        : udpBytesPlain;
    const isKnownVersion = edns === undefined || !('ednsVersion' in edns) || edns.ednsVersion === 0;
    const outcome = isKnownVersion ? await this.#answer(question) : bare('NOERROR');
    const opt = isKnownVersion ? ownOpt : { ...ownOpt, extendedRcode: badVersion };
    const { answers, authorities, additionals } = outcome;
    const packet: Packet = {
      type: 'response',
      id: query.id ?? 0,
      flags:
        RECURSION_AVAILABLE |
        (message.readUInt16BE(2) & recursionDesired) |
        (outcome.own ? AUTHORITATIVE_ANSWER : 0) |
        (rcodes[outcome.rcode] ?? 2),
      questions: [question],
      answers,
      authorities,
      additionals: edns === undefined ? additionals : [...additionals, opt],
    };
    try {
      return fit(packet, transport === 'tcp' ? tcpBytes : size);
    } catch {
      return refusal(message, 'SERVFAIL');
    }
  }

  /** The IPv4 addresses of a name of the cluster, behind its aliases too. @returns undefined for a name outside */
  async addresses(host: string): Promise<readonly string[] | undefined> {
    if (this.#zone.resolve(normalName(host), 'A').kind === 'outside') return undefined;
    const { answers } = await this.#answer({ type: 'A', name: host });
    return answers.flatMap((record) => (record.type === 'A' ? [record.data] : []));
  }

  async #answer(question: Question): Promise<Outcome> {
    if ((question.class ?? 'IN') !== 'IN') return bare('REFUSED');
    const answers: Answer[] = [];
    let name = normalName(question.name);
    for (let step = 0; step < aliasesMax; step++) {
      const own = this.#zone.resolve(name, question.type);
      switch (own.kind) {
        case 'outside':
          return this.#forward({ ...question, name }, answers);
        case 'unknown':
          return bare('SERVFAIL');
        case 'nxdomain':
          return { ...bare('NXDOMAIN'), own: true, answers, authorities: [this.#zone.soa()] };
        case 'found': {
          const turned = rotated(own.answers, this.#turn);
          answers.push(...turned.map((record) => asAsked(record, name, question, step)));
          const [first] = own.answers;
          if (first?.type !== 'CNAME' || question.type === 'CNAME') {
            // At the end of an alias too: the SOA says how long the "no" may be remembered (RFC 2308, section 2.2).
            const authorities = own.answers.length === 0 ? [this.#zone.soa()] : [];
            return { rcode: 'NOERROR', own: true, answers, authorities, additionals: own.extra };
          }
          name = normalName(first.data);
        }
      }
    }
    return bare('SERVFAIL');
  }

  async #forward(question: Question, before: Answer[]): Promise<Outcome> {
    const packet = await this.#forwarder.ask(question);
    if (packet === undefined) return { ...bare('SERVFAIL'), answers: before };
    return {
      rcode: rcodeOf(packet),
      own: false,
      answers: [...before, ...(packet.answers ?? [])],
      authorities: packet.authorities ?? [],
      additionals: [],
    };
  }
}

const ownOpt: Answer = {
  type: 'OPT',
  name: '.',
  udpPayloadSize: udpBytesOwn,
  extendedRcode: 0,
  ednsVersion: 0,
  flags: 0,
  flag_do: false,
  options: [],
};

function rotated(answers: readonly Answer[], turn: (count: number) => number): readonly Answer[] {
  if (answers.length < 2) return answers;
  const first = turn(answers.length);
  return [...answers.slice(first), ...answers.slice(0, first)];
}

/** The answer repeats the question's spelling, on which some resolvers insist (0x20). */
function asAsked(record: Answer, name: string, question: Question, step: number): Answer {
  return step === 0 && record.name === name ? { ...record, name: question.name } : record;
}

function bare(rcode: string): Outcome {
  return { rcode, own: false, answers: [], authorities: [], additionals: [] };
}

/** An answer without sections, made from the header alone. */
function refusal(message: Buffer, rcode: string): Buffer {
  const header = Buffer.alloc(12);
  message.copy(header, 0, 0, 2);
  const flags = 0x8000 | (message.readUInt16BE(2) & 0x7900) | (rcodes[rcode] ?? 2);
  header.writeUInt16BE(flags, 2);
  return header;
}
