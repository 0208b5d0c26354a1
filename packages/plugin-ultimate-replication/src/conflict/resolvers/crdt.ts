import { randomInt } from 'node:crypto';
import * as Y from 'yjs';
import { replicationError } from '../../errors/replication-errors.js';
import type { ConflictResolver } from '../conflict-resolver.js';
import { editDocument, isJsonObject, jsonOf, openDocument } from './crdt-document.js';

/** What stored documents begin with, which tells them from what was written under other strategies. */
const magic = Buffer.from('DWY1', 'ascii');

/**
 * Makes the resolver of JSON documents that many edit at once. It stores a Yjs document; a caller
 * puts and gets JSON.
 *
 * Edits of one process have one client id, which keeps documents small. The id is new in each
 * process, so that a node that was restored from a backup does not number its edits twice.
 *
 * @param maxBytes - Largest stored document.
 */
export function createCrdtResolver({ maxBytes }: { readonly maxBytes: number }): ConflictResolver {
  let clientId = randomClientId();
  return Object.freeze({
    name: 'crdt',
    summary: 'JSON documents: concurrent edits are merged member by member, and none is lost.',
    keeps: 'siblings',
    merge: Object.freeze({
      maxBytes,
      read: readJson,
      write: (written: Uint8Array, contents: readonly Uint8Array[]) => {
        const wanted = parseObject(written);
        const document = openDocument(updatesOf(contents), clientId);
        editDocument(document, wanted);
        return Buffer.concat([magic, Y.encodeStateAsUpdate(document)]);
      },
      onWriteFailed: () => {
        // The edits may turn up yet: others must not be numbered like them.
        clientId = randomClientId();
      },
    }),
  });
}

function randomClientId(): number {
  return randomInt(1, 2 ** 32 - 1);
}

function readJson(contents: readonly Uint8Array[]): Uint8Array {
  const updates = updatesOf(contents);
  const latest = contents.at(-1);
  // Written before the name had this strategy: given back as it is until it is written again.
  if (updates.length === 0 && latest !== undefined) return latest;
  return Buffer.from(JSON.stringify(jsonOf(openDocument(updates))), 'utf8');
}

function updatesOf(contents: readonly Uint8Array[]): readonly Uint8Array[] {
  return contents
    .filter((content) => magic.equals(content.subarray(0, magic.length)))
    .map((content) => content.subarray(magic.length));
}

function parseObject(written: Uint8Array) {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(written);
    const value: unknown = JSON.parse(text);
    if (isJsonObject(value)) return value;
  } catch (cause) {
    throw replicationError('DW_REPLICATION_NOT_A_DOCUMENT', { cause });
  }
  throw replicationError('DW_REPLICATION_NOT_A_DOCUMENT');
}
