import {
  BoundedCache,
  ComposedSubsystem,
  collectBytes,
  type HttpRequest,
  type IPlugin,
  IScalableSubsystem,
  type PluginContext,
  storePath,
} from '@datawarehouse/sdk';

/** Keeps named notes in the node's store, behind a cache that an operator can resize. */
export function createPlugin(): IPlugin {
  return {
    async initializeAsync({ services, routes, store, scope }: PluginContext) {
      const pathOf = (name: string) => storePath('internal', 'plugin-state', 'notes', name);
      const loader = (name: string) => store.read(pathOf(name));
      const notes = scope.own(new BoundedCache<string, Uint8Array>({ loader }));
      const subsystem = new ComposedSubsystem({ subsystemName: 'notes', caches: [notes] });
      services.provide(IScalableSubsystem, subsystem);

      const read = async ({ params: { name = '' } }: HttpRequest) => {
        const note = await notes.load(name);
        return note === undefined ? { status: 404 } : { body: note };
      };
      const write = async ({ params: { name = '' }, body }: HttpRequest) => {
        const note = await collectBytes(body, 65_536);
        await store.write(pathOf(name), note);
        notes.set(name, note);
        return { status: 204 };
      };
      const path = '/notes/v1/:name';
      routes.add({ method: 'GET', path, summary: 'Reads a note', handle: read });
      routes.add({ method: 'PUT', path, summary: 'Writes a note', handle: write });
    },
  };
}
