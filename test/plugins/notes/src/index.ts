import * as sdk from '@datawarehouse/sdk';

/** Keeps named notes in the node's store, behind a cache that an operator can resize. */
export function createPlugin(): sdk.IPlugin {
  return {
    async initializeAsync({ services, routes, store, scope }) {
      const pathOf = (name = '') => sdk.storePath('internal', 'plugin-state', 'notes', name);
      const loader = (path: string) => store.read(path);
      const notes = scope.own(new sdk.BoundedCache<string, Uint8Array>({ loader }));
      const subsystem = new sdk.ComposedSubsystem({ subsystemName: 'notes', caches: [notes] });
      services.provide(sdk.IScalableSubsystem, subsystem);

      const read: sdk.HttpRoute['handle'] = async ({ params }) => {
        const note = await notes.load(pathOf(params['name']));
        return note === undefined ? { status: 404 } : { body: note };
      };
      const write: sdk.HttpRoute['handle'] = async ({ params, body }) => {
        const path = pathOf(params['name']);
        const note = await sdk.collectBytes(body, 65_536);
        await store.write(path, note);
        notes.set(path, note);
        return { status: 204 };
      };
      const path = '/notes/v1/:name';
      routes.add({ method: 'GET', path, summary: 'Reads a note.', handle: read });
      routes.add({ method: 'PUT', path, summary: 'Writes a note.', handle: write });
    },
  };
}
