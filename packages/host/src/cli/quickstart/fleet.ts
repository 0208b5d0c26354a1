import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { parseAnswer } from './parse-answer.js';
import type { QuickstartNode } from './quickstart-node.js';
import type { QuickstartRun } from './quickstart-run.js';
import { waitUntil } from './wait-until.js';

const commandTimeoutMs = 60_000;
const enrolTimeoutMs = 30_000;

const invitationSchema = z.looseObject({ pin: z.string() });
const clientsSchema = z.looseObject({
  clients: z.array(z.looseObject({ clientId: z.string(), name: z.string(), status: z.string() })),
});

/** A client of the fleet: an agent in a process of its own. */
export interface Agent {
  readonly name: string;
  readonly clientId: string;
  /** Where it puts what it receives. */
  readonly folder: string;
}

/** Calls the `dw` of an operator against one node. */
export class Operator {
  readonly #run: QuickstartRun;
  readonly #node: QuickstartNode;

  constructor(run: QuickstartRun, node: QuickstartNode) {
    this.#run = run;
    this.#node = node;
  }

  /** Runs `dw` and returns what it prints with --json. */
  async dw(...args: readonly string[]): Promise<unknown> {
    const { group, signal } = this.#run;
    const token = (await readFile(this.#node.tokenFile, 'utf8')).trim();
    // In the environment, where other users of the machine do not see it.
    const variables = { DW_ENDPOINT: this.#node.endpoint, DW_TOKEN: token };
    return group.run({ args, variables, timeoutMs: commandTimeoutMs, signal });
  }

  /** Invites an agent, starts it, and approves it once it has enrolled. */
  async enrol(name: string, channel: string): Promise<Agent> {
    const { group, folder: top, signal } = this.#run;
    const folder = join(top, name);
    await mkdir(folder);
    const { pin } = parseAnswer(invitationSchema, await this.dw('clients', 'invite'));
    const where = ['--server', this.#node.endpoint, '--dir', folder];
    const who = ['--name', name, '--pin', pin, '--channel', channel];
    const process = group.start({
      name: name.replace('-', ' '),
      args: ['agent', ...where, ...who],
    });
    const clientId = await waitUntil(
      async () => {
        await process.assertRunning();
        return this.#clientId(name);
      },
      { what: `${name} to enrol`, timeoutMs: enrolTimeoutMs, signal },
    );
    await this.dw('clients', 'approve', clientId);
    return { name, clientId, folder };
  }

  async #clientId(name: string): Promise<string | undefined> {
    const response = await this.#node.api.request('GET', '/aeds/v1/clients');
    const { clients } = parseAnswer(clientsSchema, await response.json());
    return clients.find((client) => client.name === name)?.clientId;
  }
}
