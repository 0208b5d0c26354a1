import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DwError } from '../../errors/dw-error.js';
import { storeError } from '../../errors/store-errors.js';
import type {
  BackingStoreOperation,
  IPersistentBackingStore,
} from '../../persistence/persistent-backing-store.js';
import { ManualClock } from '../../testing/manual-clock.js';
import { BoundedCache } from '../bounded-cache.js';
import type { EvictionPolicyName } from '../eviction/eviction-policy.js';
import { CacheValueCodec } from './cache-value-codec.js';
import { encodedBytes, overheadBytes } from './entry-sizes.js';

const prefix = 'dw://cache/model/values/';
const keyCount = 6;
const keys = Array.from({ length: keyCount }, (_, index) => `k/${index}`);
const pathOf = (key: string) => prefix + encodeURIComponent(key);
const codec = new CacheValueCodec<string>();
/** Changes that may wait for the store. So few that they often find no room. */
const maxPendingWrites = 4;

type Outcome = 'ok' | 'fails' | 'answerLost';

/** A call of the store that a step of the test lets go on. */
interface HeldCall {
  readonly isWrite: boolean;
  readonly release: (outcome: Outcome) => void;
}

/** What outlives the cache: bytes by path, and which values the store has acknowledged. */
class Disk {
  readonly entries = new Map<string, Uint8Array>();
  readonly acknowledged = new Set<string>();

  apply(operations: readonly BackingStoreOperation[]): void {
    for (const operation of operations) {
      if (operation.type === 'delete') this.entries.delete(operation.path);
      else this.entries.set(operation.path, operation.data);
    }
  }

  value(key: string): string | undefined {
    const data = this.entries.get(pathOf(key));
    return data && codec.decode(data, key).value;
  }

  /** Notes what was acknowledged; nothing of it may be written again. */
  acknowledge(operations: readonly BackingStoreOperation[]): void {
    for (const operation of operations) {
      if (operation.type === 'write') this.acknowledged.add(valueIn(operation.data));
    }
  }

  refuseRewriting(operations: readonly BackingStoreOperation[]): void {
    for (const operation of operations) {
      if (operation.type !== 'write') continue;
      const value = valueIn(operation.data);
      if (this.acknowledged.has(value)) throw new Error(`${value} is written again`);
    }
  }
}

const valueIn = (data: Uint8Array) => codec.decode(data, '').value;

/** A store whose calls go on when told. What is under way when the cache dies may have happened. */
class HeldStore {
  readonly held: HeldCall[] = [];
  readonly violations: unknown[] = [];
  readonly #disk: Disk;

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  readonly store = {
    read: (path: string) => this.#hold(false, () => this.#disk.entries.get(path)?.slice()),
    batch: (operations: readonly BackingStoreOperation[]) => {
      try {
        this.#disk.refuseRewriting(operations);
      } catch (error) {
        this.violations.push(error);
      }
      return this.#hold(
        true,
        () => this.#disk.apply(operations),
        () => this.#disk.acknowledge(operations),
      );
    },
    list: (start: string, { limit = Infinity } = {}) => this.#list(start, limit),
  } as unknown as IPersistentBackingStore;

  async *#list(start: string, limit: number) {
    const paths = await this.#hold(false, () =>
      [...this.#disk.entries.keys()].filter((path) => path.startsWith(start)).sort(),
    );
    yield* paths.slice(0, limit);
  }

  #hold<T>(isWrite: boolean, run: () => T, acknowledge: () => void = () => undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const release = (outcome: Outcome): void => {
        this.held.splice(this.held.indexOf(call), 1);
        if (outcome === 'fails' || (outcome === 'answerLost' && !isWrite)) {
          reject(storeError('DW_STORE_IO'));
          return;
        }
        const result = run();
        if (outcome === 'answerLost') reject(storeError('DW_STORE_IO'));
        else {
          acknowledge();
          resolve(result);
        }
      };
      const call = { isWrite, release };
      this.held.push(call);
    });
  }
}

/** What a key held, from one change to the next. */
interface Version {
  readonly value: string | undefined;
  readonly expiresAtMs: number;
}

const absent: Version = { value: undefined, expiresAtMs: Infinity };

/** What must be true of one key. */
class KeyModel {
  versions: Version[] = [absent];
  /** Index of the version that the store has at least. */
  floor = 0;
  /** Puts and removals that wait for room, or may have found it by now. */
  uncertain: Version[] = [];

  get current(): Version {
    return this.versions.at(-1) ?? absent;
  }

  push(version: Version): void {
    // Nothing overtakes what waits for room, so it has been there.
    this.versions.push(...this.uncertain.splice(0), version);
  }

  /** What was waiting is known to have been applied. */
  settle(version: Version): void {
    const index = this.uncertain.indexOf(version);
    if (index >= 0) this.versions.push(...this.uncertain.splice(0, index + 1));
  }

  /** Takes back what was refused. */
  retract(version: Version): void {
    this.versions = this.versions.filter((other) => other !== version);
  }

  /** Whether a read may give this, that began when `from` was the current version. */
  allows(value: string | undefined, from: number, nowMs: number): boolean {
    const candidates = [...this.versions.slice(from), ...this.uncertain];
    if (value !== undefined) {
      const found = candidates.find((version) => version.value === value);
      if (found !== undefined && this.uncertain.includes(found)) this.settle(found);
      return found !== undefined;
    }
    return candidates.some(
      (version) => version.value === undefined || version.expiresAtMs <= nowMs,
    );
  }

  /** Whether the store may hold this after a crash, or after a flush. */
  allowsStored(value: string | undefined, nowMs: number): boolean {
    const candidates = [...this.versions.slice(this.floor), ...this.uncertain];
    return candidates.some(
      (version) => version.value === value || (value === undefined && version.expiresAtMs <= nowMs),
    );
  }
}

const evictions = ['LRU', 'TTL', 'ARC', 'W-TinyLFU'] as const;

interface Setting {
  /** The policy at the start; others come later. */
  readonly eviction: EvictionPolicyName;
  readonly writeThrough: boolean;
}

type StepKind = keyof typeof weights;

interface Step {
  readonly kind: StepKind;
  readonly key: string;
  readonly number: number;
}

/** How often each kind of step comes, beside the others. */
const weights = {
  ...{ set: 100, setWithTtl: 30, put: 80, delete: 40, remove: 40, clear: 10, get: 80, load: 120 },
  ...{ abortedLoad: 20, release: 300, releaseFailing: 40, releaseLost: 30, elapse: 30, flush: 20 },
  ...{ resize: 20, crash: 10, reopen: 3, quiesce: 5 },
};

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.oneof(
    ...(Object.keys(weights) as StepKind[]).map((kind) => ({
      ...{ arbitrary: fc.constant(kind), weight: weights[kind] },
    })),
  ),
  key: fc.constantFrom(...keys),
  number: fc.nat(1_000),
});

/** A cache over a store, and beside it what must be true of it. */
class World {
  readonly clock = new ManualClock();
  readonly #disk = new Disk();
  readonly #setting: Setting;
  readonly #errors: unknown[] = [];
  #model = new Map(keys.map((key) => [key, new KeyModel()]));
  #held = new HeldStore(this.#disk);
  #cache: BoundedCache<string, string>;
  #limits = { maxEntries: 3, maxBytes: 400 };
  #written = 0;
  #reads = 0;
  #listenerDepth = 0;

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#cache = this.#open();
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const one of steps) {
      await this.#perform(one);
      await turn();
      this.#check(`after ${JSON.stringify(one)}`);
    }
    await this.#quiesce();
    this.#check('at the end');
    await this.#cache.close();
  }

  #open(): BoundedCache<string, string> {
    const cache = new BoundedCache<string, string>({
      ...{ ...this.#setting, ...this.#limits, clock: this.clock, maxPendingWrites },
      ...{ backingStore: this.#held.store, backingStorePath: prefix, absentTtlMs: 50 },
    });
    const generation = this.#held;
    cache.onDidEvict(({ key }) => this.#held === generation && this.#callBack(key));
    cache.onDidFailWrite(({ keys: [key] }) => this.#held === generation && this.#callBack(key));
    return cache;
  }

  #of(key: string): KeyModel {
    return this.#model.get(key) ?? new KeyModel();
  }

  #newVersion(ttlMs = Infinity): Version & { readonly value: string } {
    this.#written += 1;
    const value = `v${this.#written}`.padEnd(4 + ((this.#written * 7) % 40), '.');
    return { value, expiresAtMs: this.clock.now() + ttlMs };
  }

  /** What a listener does that does not keep its hands off the cache. */
  #callBack(key = 'k/0'): void {
    if (this.#listenerDepth > 1) return;
    this.#listenerDepth += 1;
    const turnOf = this.#written % 4;
    if (turnOf === 0) this.#set(key, this.#newVersion());
    else if (turnOf === 1) this.#delete(key);
    else this.#get(key);
    this.#listenerDepth -= 1;
  }

  #perform({ kind, key, number }: Step): void | Promise<void> {
    const actions: Record<StepKind, () => void | Promise<void>> = {
      set: () => this.#set(key, this.#newVersion()),
      setWithTtl: () => this.#set(key, this.#newVersion(1 + number), 1 + number),
      put: () => this.#later(key, this.#newVersion(), number),
      delete: () => this.#delete(key),
      remove: () => this.#later(key, { ...absent }, number),
      clear: () => this.#clear(),
      get: () => this.#get(key),
      load: () => this.#load(key),
      abortedLoad: () => this.#load(key, AbortSignal.abort(new Error('enough'))),
      release: () => this.#release('ok', number),
      releaseFailing: () => this.#release('fails', number),
      releaseLost: () => this.#release('answerLost', number),
      elapse: () => this.clock.elapse(number),
      flush: () => void this.#flush(),
      resize: () => this.#resize(number),
      crash: () => this.#crash(number),
      reopen: () => this.#reopen(),
      quiesce: () => this.#quiesce(),
    };
    return actions[kind]();
  }

  #release(outcome: Outcome, number: number): void {
    const { held } = this.#held;
    held[number % Math.max(1, held.length)]?.release(outcome);
  }

  #set(key: string, version: Version, ttlMs?: number): void {
    const model = this.#of(key);
    const uncertain = [...model.uncertain];
    model.push(version);
    try {
      this.#cache.set(key, version.value ?? '', ttlMs === undefined ? {} : { ttlMs });
    } catch (error) {
      this.#refused(model, version, uncertain, error);
    }
  }

  #delete(key: string): void {
    const model = this.#of(key);
    const uncertain = [...model.uncertain];
    const version = { ...absent };
    model.push(version);
    try {
      this.#cache.delete(key);
    } catch (error) {
      this.#refused(model, version, uncertain, error);
    }
  }

  #refused(model: KeyModel, version: Version, uncertain: Version[], error: unknown): void {
    if (!DwError.is(error, 'DW_CACHE_BACKLOG_FULL')) throw error;
    model.retract(version);
    for (const other of uncertain) model.retract(other);
    model.uncertain.unshift(...uncertain);
  }

  #later(key: string, version: Version, number: number): void {
    const cache = this.#cache;
    const model = this.#of(key);
    const abort = new AbortController();
    const isImpatient = !this.#setting.writeThrough && number % 5 === 0;
    const options = isImpatient ? { signal: abort.signal } : {};
    model.uncertain.push(version);
    this.#listenerDepth += 2;
    const done =
      version.value === undefined
        ? cache.remove(key, options)
        : cache.put(key, version.value, options);
    this.#listenerDepth -= 2;
    const note = (isStored: boolean): void => {
      if (this.#cache !== cache) return;
      model.settle(version);
      const index = model.versions.indexOf(version);
      if (isStored && this.#setting.writeThrough) model.floor = Math.max(model.floor, index);
    };
    done.then(
      () => note(true),
      (error: unknown) => {
        if (DwError.is(error, 'DW_CACHE_WRITE_FAILED')) note(false);
        else if (error === abort.signal.reason)
          model.uncertain = model.uncertain.filter((other) => other !== version);
        else if (this.#cache === cache) this.#errors.push(error);
      },
    );
    abort.abort(new Error('enough'));
  }

  #clear(): void {
    for (const model of this.#model.values()) {
      model.uncertain = [];
      model.push({ ...absent });
    }
    this.#cache.clear();
    expect(this.#cache.size).toBe(0);
  }

  #get(key: string): void {
    const model = this.#of(key);
    const nowMs = this.clock.now();
    const value = this.#cache.get(key);
    this.#reads += 1;
    if (value !== undefined) this.#assertCurrent(model, value, nowMs);
  }

  #assertCurrent(model: KeyModel, value: string, nowMs: number): void {
    const isAllowed = model.allows(value, model.versions.length - 1, nowMs);
    if (!isAllowed || (model.current.value === value && model.current.expiresAtMs <= nowMs)) {
      throw new Error(`${value} is read, where ${JSON.stringify(model.current)} is right`);
    }
  }

  #load(key: string, signal?: AbortSignal): void {
    const cache = this.#cache;
    const model = this.#of(key);
    const from = model.versions.length - 1;
    const isBefore = model.current.expiresAtMs > this.clock.now();
    if (signal === undefined) this.#reads += 1;
    const done = cache.load(key, signal === undefined ? {} : { signal });
    done.then(
      (value) => {
        if (this.#cache !== cache) return;
        if (!model.allows(value, from, this.clock.now()))
          this.#errors.push(new Error(`${value} is loaded for ${key}`));
        if (!isBefore && value !== undefined && value === model.versions[from]?.value)
          this.#errors.push(new Error(`${value} is loaded, and has expired`));
      },
      (error: unknown) => {
        const isExpected = DwError.is(error, 'DW_STORE_IO') || error === signal?.reason;
        if (!isExpected && this.#cache === cache) this.#errors.push(error);
      },
    );
  }

  async #flush(): Promise<boolean> {
    const cache = this.#cache;
    const floors = [...this.#model.values()].map((model) => [model, model.current] as const);
    try {
      await cache.flush();
    } catch (error) {
      if (!DwError.is(error, 'DW_CACHE_WRITE_FAILED')) this.#errors.push(error);
      return false;
    }
    if (this.#cache !== cache) return false;
    for (const [model, version] of floors) {
      model.floor = Math.max(model.floor, model.versions.indexOf(version));
    }
    return true;
  }

  #resize(number: number): void {
    this.#limits = { maxEntries: 1 + (number % 5), maxBytes: 80 + (number % 700) };
    const eviction = evictions[number % 13];
    this.#cache.reconfigure({ ...this.#limits, ...(eviction !== undefined && { eviction }) });
  }

  /** The process dies: only the disk is left, with or without what was under way. */
  #crash(number: number): void {
    const writes = this.#held.held.filter(({ isWrite }) => isWrite);
    this.#held = new HeldStore(this.#disk);
    if (number % 2 === 0) for (const { release } of writes) release('answerLost');
    this.#restart();
  }

  #restart(): void {
    for (const [key, model] of this.#model) {
      const value = this.#disk.value(key);
      if (!model.allowsStored(value, this.clock.now()))
        throw new Error(`${key} is ${value} on disk: ${JSON.stringify(model)}`);
      const known = [...model.versions, ...model.uncertain].find((one) => one.value === value);
      model.versions = [known ?? absent];
      model.uncertain = [];
      model.floor = 0;
    }
    this.#reads = 0;
    this.#cache = this.#open();
  }

  async #reopen(): Promise<void> {
    await this.#quiesce();
    await this.#cache.close();
    expect(() => this.#cache.set('k/0', 'v')).toThrow(
      expect.objectContaining({ code: 'DW_CACHE_CLOSED' }),
    );
    this.#restart();
  }

  /** Lets everything go on until the store has all; it must be what the model says. */
  async #quiesce(): Promise<void> {
    const isBusy = () => (this.#cache.statistics().backing?.pendingWrites ?? 0) > 0;
    for (let isFlushed = false, left = 50; !isFlushed || isBusy(); left -= 1) {
      if (left === 0) throw new Error('the backlog does not become empty');
      const flushed = this.#flush();
      for (let round = 0; round < 20 || this.#held.held.length > 0; round += 1) {
        this.#held.held[0]?.release('ok');
        await turn();
      }
      isFlushed = await flushed;
    }
    for (const [key, { current, uncertain }] of this.#model) {
      const value = this.#disk.value(key);
      const isGone = value === undefined && current.expiresAtMs <= this.clock.now();
      if (uncertain.length > 0 || (value !== current.value && !isGone))
        throw new Error(`${key} is ${value} in the store, not ${current.value}`);
    }
  }

  #check(when: string): void {
    const [error] = [...this.#errors, ...this.#held.violations];
    if (error !== undefined) throw new Error(when, { cause: error });
    const cache = this.#cache;
    const nowMs = this.clock.now();
    for (const [key, model] of this.#model) {
      const value = cache.peek(key);
      if (value !== undefined) this.#assertCurrent(model, value, nowMs);
      const { current, uncertain } = model;
      if (current.value === undefined || current.expiresAtMs <= nowMs) continue;
      const isSafe = value === current.value || this.#disk.value(key) === current.value;
      if (!isSafe && uncertain.length === 0) throw new Error(`${key} is nowhere ${when}`);
    }
    const { itemCount, totalBytes, hits, misses, backing } = cache.statistics();
    const listed = [...cache.entries()];
    expect(itemCount).toBe(listed.length);
    expect(itemCount).toBeLessThanOrEqual(this.#limits.maxEntries);
    const sizes = listed.map(([key, value]) => encodedBytes(value, key));
    const overhead = listed.length * overheadBytes[cache.options.eviction];
    expect(totalBytes).toBe(sizes.reduce((sum, size) => sum + size, overhead));
    expect(totalBytes).toBeLessThanOrEqual(this.#limits.maxBytes);
    expect(hits + misses).toBe(this.#reads);
    if (backing === undefined) throw new Error('there is no backing');
    const { acceptedWrites, storedWrites, supersededWrites, pendingWrites } = backing;
    expect(acceptedWrites).toBe(storedWrites + supersededWrites + pendingWrites);
    expect(pendingWrites).toBeLessThanOrEqual(maxPendingWrites);
  }
}

/** Lets everything go on that waits on promises alone. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve);
  });

const runs = process.env.DW_SOAK === '1' ? 2_000 : 50;
/** Far more than it takes: what hangs ends, and a busy machine does not fail. */
const timeoutMs = 1_200_000;

describe('a BoundedCache over a store', () => {
  beforeEach(() => {
    // What is drawn at random here is how long to wait before another attempt.
    vi.spyOn(Math, 'random').mockReturnValue(0.5);
  });

  afterEach(() => {
    vi.restoreAllMocks();
  });

  it.each(
    evictions.flatMap((eviction) =>
      [false, true].map((writeThrough) => ({ eviction, writeThrough })),
    ),
  )(
    'is a map over a store, whatever happens to both: %o',
    async (setting) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 250, maxLength: 250, size: 'max' }),
          async (steps) => new World(setting).run(steps),
        ),
        { numRuns: runs },
      );
    },
    timeoutMs,
  );
});
