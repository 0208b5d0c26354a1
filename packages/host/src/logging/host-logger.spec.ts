import { DwError } from '@datawarehouse/sdk';
import { describe, expect, it } from 'vitest';
import { createHostLogger } from './host-logger.js';

function record(level: 'info' | 'silent', format: 'json' | 'pretty') {
  const lines: string[] = [];
  const logger = createHostLogger({ level, format }, { write: (line) => void lines.push(line) });
  return { logger, lines };
}

describe('createHostLogger', () => {
  it('writes a line of JSON with the level by name, and errors with code and hint', () => {
    const { logger, lines } = record('info', 'json');
    const error = new DwError('DW_TEST', 'broken', { hint: 'mend it' });
    logger.child({ plugin: 'a' }).error({ error }, 'it failed');
    logger.debug('unheard');
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
      plugin: 'a',
      msg: 'it failed',
      error: { code: 'DW_TEST', message: 'broken', hint: 'mend it' },
    });
  });

  it('writes no secrets', () => {
    const { logger, lines } = record('info', 'json');
    logger.info(
      { token: 'T', http: { token: 'T' }, request: { headers: { authorization: 'T' } } },
      'started',
    );
    logger.info({ configuration: { cluster: { secret: 'T', peers: [] } } }, 'started');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      expect(line).toContain('[redacted]');
      expect(line).not.toContain('"T"');
    }
  });

  it('writes for people, or nothing', () => {
    const people = record('info', 'pretty');
    people.logger.warn({ plugin: 'a' }, 'look out');
    expect(people.lines.join('')).toMatch(/WARN.*look out/);
    expect(people.lines.join('')).not.toContain('{"');
    const nobody = record('silent', 'json');
    nobody.logger.error('unheard');
    expect(nobody.lines).toEqual([]);
  });
});
