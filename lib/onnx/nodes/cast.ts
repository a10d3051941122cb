import type { OpDefinition } from '../../graph/op-set';
import { dataTypeName, dtypeOf } from '../decode-tensor';
import { perImageBatch } from './common';

/** Cast-6, 9, 13, 19 ... `saturate` and `round_mode` only say something of 8-bit floats and smaller ones. */
const cast: OpDefinition = {
  op: 'Cast',
  since: 6,
  inputs: [1, 1],
  attributes: { to: 'int', saturate: 'int', round_mode: 'string' },
  lower(call) {
    const code = call.int('to');
    if (code === undefined) throw call.error('attribute "to" is missing');
    const to = dtypeOf(code);
    if (!to) throw call.error(`a cast to ${dataTypeName(code)} is not supported`);
    const x = call.input(0);
    return x.desc.dtype === to ? x : call.emit('cast', [x], { to });
  },
  batch: perImageBatch,
};

export const CAST: readonly OpDefinition[] = [cast];
