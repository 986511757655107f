/** Tells whether the cluster that a master knew lives on elsewhere. */
import { connect } from 'node:net';
import { readKnownCluster } from '../master/known-cluster.js';

const patienceMs = 2000;

/** Lists the other masters, as this one wrote them down, that take connections: `m2 (10.0.0.12:6444)`. */
export async function mastersThatAnswer(dataDir: string): Promise<string[]> {
  const others = Object.entries((await readKnownCluster(dataDir))?.others ?? {});
  const answers = await Promise.all(
    others.map(async ([name, address]) =>
      (await answersAt(address)) ? [`${name} (${address})`] : [],
    ),
  );
  return answers.flat();
}

function answersAt(address: string): Promise<boolean> {
  const colon = address.lastIndexOf(':');
  return new Promise((resolve) => {
    const socket = connect({
      host: address.slice(0, colon),
      port: Number(address.slice(colon + 1)),
      timeout: patienceMs,
    });
    const end = (answers: boolean): void => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
