import type { CliCommand, CliContext, CliOutput } from '@datawarehouse/sdk';
import { runAgent } from '../../agent/agent.js';
import type { AgentEvent } from '../../agent/agent-events.js';
import { aedsError } from '../../errors/aeds-errors.js';
import { listOption, textOption } from './command-values.js';

/** `dw agent`. */
export const agentCommand: CliCommand = {
  name: 'agent',
  summary: 'run a client of the fleet until Ctrl-C',
  options: [
    { flags: '--server <url>', summary: 'address of the node', required: true },
    { flags: '--dir <path>', summary: 'folder for keys, state and files', required: true },
    { flags: '--pin <pin>', summary: 'PIN to enrol with, the first time' },
    { flags: '--name <name>', summary: 'name shown to the operator; default: of this machine' },
    { flags: '--channel <id>', summary: 'channel to subscribe to; repeatable', repeatable: true },
    { flags: '--trust <file>', summary: 'keys to trust in place of those that the node gives' },
    { flags: '--once', summary: 'end after the first delivery' },
  ],
  help: `What is delivered lies in <path>/files/<channel>/<name>, or in <path>/files/<job>/<name>
where it was sent to single clients. Files that did not pass every check are never
there. The folder also holds the client's private key: keep it, and to yourself.

With --json every event is a line of JSON.

Examples:
  $ dw agent --server http://node:7080 --dir ./client --pin 7K2M-4XQ9T-ZB1CE --channel stable
  $ dw agent --server http://node:7080 --dir ./client --channel stable`,
  run: agent,
};

async function agent(context: CliContext): Promise<void> {
  const { output, signal } = context;
  const optional = <K extends string>(key: K, value: string | undefined): { [key in K]?: string } =>
    (value === undefined ? {} : { [key]: value }) as { [key in K]?: string };
  const lines = new EventLines(output);
  try {
    await runAgent(
      {
        endpoint: textOption(context, 'server') ?? '',
        directory: textOption(context, 'dir') ?? '',
        channels: listOption(context, 'channel'),
        once: context.options['once'] === true,
        emit: (event) => {
          lines.show(event);
        },
        ...optional('pin', textOption(context, 'pin')),
        ...optional('name', textOption(context, 'name')),
        ...optional('trustFile', textOption(context, 'trust')),
      },
      signal,
    );
  } catch (error) {
    // Ctrl-C is how a service ends.
    if (!signal.aborted) throw error;
  } finally {
    await lines.flush();
  }
  lines.assertDelivered();
}

/** Writes events as they come: for people, or a JSON value a line. */
class EventLines {
  readonly #output: CliOutput;
  #written: Promise<void> = Promise.resolve();
  #refusal: Extract<AgentEvent, { readonly code: string; readonly jobId: string }> | undefined;
  #isOver = false;

  constructor(output: CliOutput) {
    this.#output = output;
  }

  show(event: AgentEvent): void {
    if (event.type === 'refused' || event.type === 'failed') this.#refusal ??= event;
    if (event.type === 'reported') this.#isOver = true;
    const output = this.#output;
    if (output.isJson) {
      const line = Buffer.from(`${JSON.stringify(event)}\n`, 'utf8');
      this.#written = this.#written.then(() => output.write(line));
      return;
    }
    const text = describe(event);
    if (text !== undefined) output.line(text);
  }

  flush(): Promise<void> {
    return this.#written;
  }

  /** With --once, a delivery that came to nothing is a failed command. */
  assertDelivered(): void {
    if (!this.#isOver || this.#refusal === undefined) return;
    const { type, code, message, jobId } = this.#refusal;
    throw aedsError('DW_AEDS_DELIVERY_UNSUCCESSFUL', {
      message: `The delivery was ${type}: ${message} [${code}]`,
      details: { jobId, code },
    });
  }
}

function describe(event: AgentEvent): string | undefined {
  switch (event.type) {
    case 'enrolled':
      return `enrolled at ${event.serverId} as client ${event.clientId}`;
    case 'pending':
      return `waiting for approval; on the node: dw clients approve ${event.clientId}`;
    case 'approved':
      return `approved; channels: ${event.channels.join(', ') || 'none'}`;
    case 'connected':
      return 'connected';
    case 'disconnected':
      return `no contact, trying again: ${event.message} [${event.code}]`;
    case 'received':
      return `receiving ${event.name} (${event.sizeBytes} bytes), job ${event.jobId}`;
    case 'applied':
      return `delivered ${event.path}`;
    case 'notification':
      return `notice (${event.tier}): ${event.name} is at ${event.path}`;
    case 'refused':
    case 'failed':
    case 'retrying':
      return `${event.type} job ${event.jobId}: ${event.message} [${event.code}]`;
    case 'progress':
    case 'reported':
      return undefined;
  }
}
