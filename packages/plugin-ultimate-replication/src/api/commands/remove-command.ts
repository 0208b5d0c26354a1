import type { CliCommand, CliContext } from '@datawarehouse/sdk';
import { z } from 'zod';
import {
  contextFlag,
  contextHeader,
  objectAddress,
  objectArguments,
  objectNameOf,
} from './object-path.js';
import { readAnswer } from './read-answer.js';

const receiptSchema = z.looseObject({
  version: z.string(),
  strategy: z.string(),
  confirmedBy: z.array(z.string()),
});

/** `dw rm`. */
export const removeCommand: CliCommand = {
  name: 'rm',
  summary: 'remove an object on every node',
  arguments: objectArguments,
  options: [contextFlag],
  run: remove,
};

async function remove(context: CliContext): Promise<void> {
  const { api, output, signal } = context;
  const { namespace, key } = objectNameOf(context);
  const { path, query } = objectAddress(namespace, key);
  const response = await api.request('DELETE', path, {
    query,
    signal,
    headers: contextHeader(context),
  });
  const receipt = await readAnswer(response, receiptSchema);
  output.result(receipt, () => {
    output.line(`removed ${namespace} ${key}: version ${receipt.version}`);
  });
}
