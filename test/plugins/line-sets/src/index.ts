import { contract, type IPlugin } from '@datawarehouse/sdk';

/** What this plugin uses of `IReplicationExtensions` of the replication plugin. */
interface Extensions {
  addResolver(resolver: {
    readonly name: string;
    readonly summary: string;
    readonly keeps: 'siblings';
    readonly merge: {
      readonly maxBytes: number;
      read(contents: readonly Uint8Array[]): Uint8Array;
    };
  }): Disposable;
  addStrategy(strategy: {
    readonly name: string;
    readonly summary: string;
    readonly admission: 'anyNode';
    readonly confirmations: 'none';
    readonly resolver: string;
  }): Disposable;
}

const Extensions = contract<Extensions>('dw.plugin-ultimate-replication.IReplicationExtensions', {
  introduced: '6.0.0',
});

/** Adds the strategy `line-sets`: of concurrent texts a reader gets every line once, in order. */
export function createPlugin(): IPlugin {
  return {
    async initializeAsync({ services, scope }) {
      const extensions = services.get(Extensions);
      const read = (contents: readonly Uint8Array[]): Uint8Array => {
        const lines = contents.flatMap((content) => new TextDecoder().decode(content).split('\n'));
        return new TextEncoder().encode([...new Set(lines)].sort().join('\n'));
      };
      scope.own(
        extensions.addResolver({
          name: 'lineSets',
          summary: 'Every line of every version, once.',
          keeps: 'siblings',
          merge: { maxBytes: 1_048_576, read },
        }),
      );
      scope.own(
        extensions.addStrategy({
          name: 'line-sets',
          summary: 'Any node writes sets of lines; concurrent ones are united.',
          admission: 'anyNode',
          confirmations: 'none',
          resolver: 'lineSets',
        }),
      );
    },
  };
}
