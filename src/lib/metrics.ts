/**
 * The parts of prom-client that we use, each loaded alone: the library's entry also loads push gateways, clusters and default metrics,
 * which takes longer than all else that a member of the store loads.
 */
import { createRequire } from 'node:module';
import type * as prom from 'prom-client';

const require = createRequire(import.meta.url);

export const Counter = require('prom-client/lib/counter') as typeof prom.Counter;
export type Counter<Label extends string = string> = prom.Counter<Label>;
export const Gauge = require('prom-client/lib/gauge') as typeof prom.Gauge;
export type Gauge<Label extends string = string> = prom.Gauge<Label>;
export const Histogram = require('prom-client/lib/histogram') as typeof prom.Histogram;
export type Histogram<Label extends string = string> = prom.Histogram<Label>;
export const Registry = require('prom-client/lib/registry') as typeof prom.Registry;
export type Registry = prom.Registry;
