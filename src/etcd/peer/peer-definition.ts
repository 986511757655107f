import { PeerDefinition } from '../../gen/raft.js';
import { batchCodec } from './batch-codec.js';

/** The service that members offer each other, with messages as the core knows them. */
export const peerDefinition = {
  ...PeerDefinition,
  methods: {
    ...PeerDefinition.methods,
    messages: { ...PeerDefinition.methods.messages, requestType: batchCodec },
  },
} as const;
