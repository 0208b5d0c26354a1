import * as Y from 'yjs';

/** Any value that JSON has. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

type JsonObject = Readonly<Record<string, JsonValue>>;
type Shared = Y.Array<unknown>;

/**
 * Head of a shared list that stands for an object or an array. Members of an object are a list too,
 * in which the last one of a name counts, but for objects: those that nodes began under one name at
 * once are read as one. In a `Y.Map` all but one of them would be lost, and something of every value
 * that a member ever had would stay.
 */
interface Head {
  readonly type: 'object' | 'array';
  /** Name of the member, in an object. */
  readonly name: string;
}

/** A member or an element that is neither an object nor an array: its name and its value. */
type Leaf = readonly [name: string, value: JsonValue];

/** Makes a document of updates. `clientId` names the edits that will be made. */
export function openDocument(updates: readonly Uint8Array[], clientId?: number): Y.Doc {
  const document = new Y.Doc({ gc: true });
  for (const update of updates) Y.applyUpdate(document, update);
  // Yjs takes another id where it meets its own in an update, so it gets it behind them.
  if (clientId !== undefined) document.clientID = clientId;
  return document;
}

/** Reads a document as JSON, its members in the order of their names. */
export function jsonOf(document: Y.Doc): JsonObject {
  return readObject([rootOf(document)]);
}

/** Edits a document so that it reads as `wanted`, by no more than that takes. */
export function editDocument(document: Y.Doc, wanted: JsonObject): void {
  document.transact(() => editObject(rootOf(document), wanted));
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function rootOf(document: Y.Doc): Shared {
  return document.getArray('document');
}

/** Reads objects that nodes began under one name at once as the one that they are together. */
function readObject(shareds: readonly Shared[]): JsonObject {
  const members = new Map<string, unknown[]>();
  for (const item of shareds.flatMap(itemsOf)) {
    const name = nameOf(item);
    const others = members.get(name);
    if (others !== undefined && isShared(item, 'object') && isShared(others[0], 'object')) {
      others.push(item);
    } else members.set(name, [item]);
  }
  const names = [...members.keys()].sort();
  return Object.fromEntries(names.map((name) => [name, readItem(members.get(name) ?? [])]));
}

function readItem(items: readonly unknown[]): JsonValue {
  const shareds = items.filter((item) => item instanceof Y.Array) as readonly Shared[];
  const [first] = shareds;
  if (first === undefined) return (items.at(-1) as Leaf)[1];
  if (isShared(first, 'object')) return readObject(shareds);
  return itemsOf(first).map((item) => readItem([item]));
}

function editObject(shared: Shared, wanted: JsonObject): void {
  const removed: number[] = [];
  const isThere = new Set<string>();
  const offset = headLength(shared);
  const items = itemsOf(shared);
  // From the last one on: of several members of a name that one stays, if it can be edited.
  for (const [index, item] of [...items.entries()].reverse()) {
    const name = nameOf(item);
    const value = Object.hasOwn(wanted, name) ? wanted[name] : undefined;
    if (value === undefined || isThere.has(name) || !editItem(item, value)) {
      removed.push(offset + index);
    } else isThere.add(name);
  }
  for (const index of removed) shared.delete(index, 1);
  const missing = Object.keys(wanted).filter((name) => !isThere.has(name));
  if (missing.length > 0) shared.push(missing.map((name) => itemOf(name, wanted[name] ?? null)));
}

/** Edits an array between what it has in common with the wanted one at its ends. */
function editArray(shared: Shared, wanted: readonly JsonValue[]): void {
  const present = itemsOf(shared);
  const least = Math.min(present.length, wanted.length);
  const isSameAt = (at: number, wantedAt: number): boolean =>
    isSame(present.at(at), wanted.at(wantedAt));
  let start = 0;
  while (start < least && isSameAt(start, start)) start += 1;
  let end = 0;
  while (end < least - start && isSameAt(-1 - end, -1 - end)) end += 1;
  const first = headLength(shared) + start;
  const added = wanted.slice(start, wanted.length - end);
  const removedCount = present.length - start - end;
  // One for one, elements are edited where they are: others may be editing them too.
  const isReplaced = removedCount === added.length;
  for (const [index, value] of isReplaced ? added.entries() : []) {
    if (editItem(present[start + index], value)) continue;
    shared.delete(first + index, 1);
    shared.insert(first + index, [itemOf('', value)]);
  }
  if (isReplaced) return;
  if (removedCount > 0) shared.delete(first, removedCount);
  if (added.length > 0)
    shared.insert(
      first,
      added.map((value) => itemOf('', value)),
    );
}

/** Edits an item in its place. @returns Whether it reads as wanted now. */
function editItem(item: unknown, wanted: JsonValue): boolean {
  if (isShared(item, 'object') && isJsonObject(wanted)) {
    editObject(item, wanted);
    return true;
  }
  if (isShared(item, 'array') && Array.isArray(wanted)) {
    editArray(item, wanted as readonly JsonValue[]);
    return true;
  }
  return isSame(item, wanted);
}

function isSame(item: unknown, wanted: JsonValue | undefined): boolean {
  return (
    JSON.stringify(readItem([item])) ===
    JSON.stringify(wanted === undefined ? wanted : sorted(wanted))
  );
}

function itemOf(name: string, value: JsonValue): unknown {
  const type = isJsonObject(value) ? 'object' : 'array';
  if (type === 'array' && !Array.isArray(value)) return [name, value] satisfies Leaf;
  const members = isJsonObject(value)
    ? Object.entries(value).map(([member, one]) => itemOf(member, one))
    : (value as readonly JsonValue[]).map((one) => itemOf('', one));
  const shared = new Y.Array<unknown>();
  shared.insert(0, [{ type, name } satisfies Head, ...members]);
  return shared;
}

function isShared(item: unknown, type: Head['type']): item is Shared {
  return item instanceof Y.Array && (item.get(0) as Head).type === type;
}

function nameOf(item: unknown): string {
  return item instanceof Y.Array ? (item.get(0) as Head).name : (item as Leaf)[0];
}

/** The root has no head: it is the same on every node, whoever began. */
function headLength(shared: Shared): number {
  return shared.parent === null ? 0 : 1;
}

function itemsOf(shared: Shared): unknown[] {
  return shared.toArray().slice(headLength(shared));
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(sorted);
  if (!isJsonObject(value)) return value;
  const names = Object.keys(value).sort();
  return Object.fromEntries(names.map((name) => [name, sorted(value[name] ?? null)]));
}
