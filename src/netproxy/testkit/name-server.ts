/** The cluster's name server over objects from a file, and another one for names outside of the cluster. */
import { createSocket } from 'node:dgram';
import type { Socket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { decode, encode } from 'dns-packet';
import type { Answer, DecodedPacket, RecordType, StringAnswer } from 'dns-packet';
import { parse } from 'yaml';
import type { Service } from '../../api/types/core.js';
import type { EndpointSlice } from '../../api/types/networking.js';
import { createInformerFactory } from '../../client/index.js';
import { resources } from '../../client/resources.js';
import { FakeApi } from '../../client/testkit/fake.js';
import { ManualClock, systemClock } from '../../lib/clock.js';
import { silentLogger } from '../../lib/log.js';
import { ClusterZone } from '../dns/cluster-zone.js';
import { Forwarder, rcodeOf } from '../dns/forwarder.js';
import { Responder } from '../dns/responder.js';
import { ServiceWatch } from '../model/service-watch.js';

interface ClusterFile {
  readonly namespaces: readonly string[];
  readonly services: readonly Service[];
  readonly endpoints: readonly EndpointSlice[];
  readonly manyEndpoints: number;
  readonly outside: readonly StringAnswer[];
}

/** A name server that can be asked without sockets of its own. */
export class TestNameServer {
  readonly #responder: Responder;
  readonly #end: () => void;

  private constructor(responder: Responder, end: () => void) {
    this.#responder = responder;
    this.#end = end;
  }

  /** @param turn which of so many answers comes first. @default always the same */
  static async start(
    path: string,
    turn: (count: number) => number = () => 0,
  ): Promise<TestNameServer> {
    const cluster = parse(readFileSync(path, 'utf8')) as ClusterFile;
    const api = new FakeApi();
    for (const name of cluster.namespaces) {
      await api.create(resources.namespaces, { metadata: { name } });
    }
    for (const service of cluster.services) await api.create(resources.services, service);
    const slices = [...cluster.endpoints, manyOf(cluster.manyEndpoints)];
    for (const slice of slices) await api.create(resources.endpointSlices, slice);
    const clock = systemClock();
    const informers = createInformerFactory({ client: api, clock, log: silentLogger });
    const zone = new ClusterZone(new ServiceWatch(informers), informers, 'cluster.local');
    await zone.whenSynced();
    const upstream = await startUpstream(cluster.outside);
    const { port } = upstream.address();
    // A clock that stands still: a busy machine is not taken for a name server that does not answer.
    const waiting = new ManualClock();
    const forwarder = new Forwarder({ upstreams: [`127.0.0.1:${port}`], clock: waiting });
    return new TestNameServer(new Responder(zone, forwarder, turn), () => {
      upstream.close();
      informers.stop();
    });
  }

  end(): void {
    this.#end();
  }

  /** What the node itself finds for a name. */
  addresses(host: string): Promise<readonly string[] | undefined> {
    return this.#responder.addresses(host);
  }

  /**
   * Asks one question: "TYPE NAME", then perhaps `tcp`, `edns=BYTES`, `version=N` (of EDNS), `norecurse`, `class=CH`,
   * `count` (of answers instead of the answers).
   * @returns the answer as lines: code and flags, then each section's records
   */
  async ask(words: string): Promise<string> {
    const [type = '', name = '', ...options] = words.split(' ');
    const value = (key: string): string | undefined =>
      options.find((option) => option.startsWith(`${key}=`))?.slice(key.length + 1);
    const size = value('edns');
    const query = encode({
      type: 'query',
      id: 7,
      flags: options.includes('norecurse') ? 0 : 0x0100,
      questions: [{ type: type as RecordType, name, class: value('class') === 'CH' ? 'CH' : 'IN' }],
      additionals: size === undefined ? [] : [opt(Number(size), Number(value('version') ?? 0))],
    });
    const answer = await this.#responder.respond(query, options.includes('tcp') ? 'tcp' : 'udp');
    if (answer === undefined) return 'no answer';
    const packet = decode(answer);
    if (!options.includes('count')) return render(packet);
    return `${render({ ...packet, answers: [] })}\n${packet.answers?.length ?? 0} answers`;
  }
}

const opt = (udpPayloadSize: number, ednsVersion: number): Answer => ({
  type: 'OPT',
  name: '.',
  udpPayloadSize,
  ednsVersion,
  extendedRcode: 0,
  flags: 0,
  flag_do: false,
  options: [],
});

function render(packet: DecodedPacket): string {
  const flags = [
    packet.flag_aa ? ' aa' : '',
    packet.flag_tc ? ' tc' : '',
    packet.flag_rd ? ' rd' : '',
    packet.flag_ra ? ' ra' : '',
  ].join('');
  const section = (title: string, records: readonly Answer[] = []): string[] =>
    records.map((record) => `${title} ${recordText(record)}`);
  return [
    `${rcodeOf(packet)}${flags}`,
    ...section('answer', packet.answers),
    ...section('authority', packet.authorities),
    ...section('additional', packet.additionals),
  ].join('\n');
}

function recordText(record: Answer): string {
  if (record.type === 'OPT') {
    const { udpPayloadSize, ednsVersion, extendedRcode } = record;
    return `EDNS version ${ednsVersion} size ${udpPayloadSize} extended ${extendedRcode}`;
  }
  const ttl = 'ttl' in record ? `${record.ttl} ` : '';
  return `${record.name} ${ttl}${record.type} ${dataText(record)}`;
}

function dataText(record: Answer): string {
  if (record.type === 'SRV') {
    const { priority, weight, port, target } = record.data;
    return `${priority} ${weight} ${port} ${target}`;
  }
  if (record.type === 'SOA') return `${record.data.mname} minimum ${record.data.minimum}`;
  if (record.type === 'TXT') return [record.data].flat().map(String).join(' ');
  return 'data' in record && typeof record.data === 'string' ? record.data : '';
}

function manyOf(count: number): EndpointSlice {
  return {
    metadata: {
      namespace: 'default',
      name: 'many-1',
      labels: { 'kubernetes.io/service-name': 'many' },
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 80 }],
    endpoints: Array.from({ length: count }, (_, at) => ({
      addresses: [`10.244.9.${at + 1}`],
      conditions: { ready: true },
    })),
  };
}

/** The name server of the world outside. */
async function startUpstream(records: readonly StringAnswer[]): Promise<Socket> {
  const socket = createSocket('udp4');
  await new Promise<void>((resolve) => {
    socket.bind(0, '127.0.0.1', resolve);
  });
  socket.on('message', (message, from) => {
    const { id = 0, questions = [] } = decode(message);
    const [question] = questions;
    const answers = records.filter(
      ({ name, type }) => name === question?.name && type === question.type,
    );
    const known = records.some(({ name }) => name === question?.name);
    const rcode = question?.name === 'broken.example.com' ? 2 : known ? 0 : 3;
    const packet = encode({ type: 'response', id, flags: 0x0080 | rcode, questions, answers });
    socket.send(packet, from.port, from.address);
  });
  return socket;
}
